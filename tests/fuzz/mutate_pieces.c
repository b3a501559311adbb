/*
 * The pipeline's input, pieces of | kind(1) | length(3, little-endian) | bytes |: each is changed by the mutator of its
 * format. Left to chance a drop would hardly ever be of a frame of the same input, and nothing behind the correlator
 * would be reached: so drops are made of frames.
 */
#include "mutate.h"

#include "dropcorr/decode/packet.h"

#include <glib.h>
#include <string.h>

enum { PIECE_HEADER = 4 };

/* The last piece goes as far as there is input. */
static size_t walk_piece(const Bytes *bytes, size_t at, const void *context)
{
  (void)context;
  const size_t left = bytes->len - at;
  return left >= PIECE_HEADER ? MIN(PIECE_HEADER + (size_t)bytes_get(bytes, at + 1, 3, false), left) : 0;
}

static void put_len(Bytes *piece)
{
  bytes_put(piece, 1, 3, false, piece->len - PIECE_HEADER);
}

static void change_log(Bytes *bytes, const void *context, Mutation *mutation)
{
  const bool is_text = bytes->len > 0 && (g_ascii_isprint(bytes->data[0]) || bytes->data[0] == '\n') &&
                       bytes_get(bytes, 0, 4, true) != 0x4d3cb2a1;
  if (is_text)
    mutate_list(&mutate_lines, bytes, 0, bytes->len, context, mutation);
  else
    mutate_capture_format.change(bytes, context, mutation);
}

static void change_sample(Bytes *bytes, const void *context, Mutation *mutation)
{
  if (bytes->len < 2 || mutate_one_in(mutation, 16))
    mutate_bytewise(bytes, context, mutation);
  else
    mutate_part(bytes, 1, bytes->len - 1, mutate_context_format.change, context, mutation);
}

static void change_piece(Bytes *piece, const void *context, Mutation *mutation)
{
  const size_t len = piece->len - PIECE_HEADER;
  switch (piece->data[0]) {
  case 'F':
    mutate_part(piece, PIECE_HEADER, len, mutate_capture_format.change, context, mutation);
    break;
  case 'D':
    mutate_part(piece, PIECE_HEADER, len, change_log, context, mutation);
    break;
  case 'S':
    mutate_part(piece, PIECE_HEADER, len, change_sample, context, mutation);
    break;
  default:
    mutate_part(piece, PIECE_HEADER, len, mutate_bytewise, context, mutation);
    break;
  }
  put_len(piece);
}

static void fresh_piece(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  const size_t start = bytes->len;
  bytes_append_number(bytes, 1, false, (uint8_t) "FDSO"[mutate_below(mutation, 4)]);
  if (!bytes_append(bytes, NULL, 3))
    return;
  mutate_part(bytes, bytes->len, 0, mutate_bytewise, NULL, mutation);
  bytes_put(bytes, start + 1, 3, false, bytes->len - start - PIECE_HEADER);
}

static const MutateList pieces = {.walk = walk_piece, .change = change_piece, .fresh = fresh_piece};

/* The first piece of that kind. */
static bool find_piece(const Bytes *bytes, uint8_t kind, size_t *ret_at, size_t *ret_len)
{
  size_t len;
  for (size_t at = 0; (len = walk_piece(bytes, at, NULL)) != 0; at += len) {
    if (bytes->data[at] != kind)
      continue;
    *ret_at = at;
    *ret_len = len;
    return true;
  }
  return false;
}

/* What the stack may have done to a frame before it dropped it. */
static void as_dropped(Bytes *frame, DcLink link, Mutation *mutation)
{
  DcPacket packet;
  dc_decode_packet(link, frame->data, (uint32_t)frame->len, (uint32_t)frame->len, false, &packet);
  const size_t place = (size_t)packet.l3_offset + (packet.src.version == 4 ? 8 : 7);
  if ((packet.has & DC_HAS_IP) && mutate_one_in(mutation, 4)) {
    bytes_put(frame, place, 1, true, bytes_get(frame, place, 1, true) - 1); /* forwarded */
    mutate_frame_mend(frame, link);
  }
  if (link == DC_LINK_ETHERNET && packet.vlan_count > 0 && mutate_one_in(mutation, 2))
    bytes_splice(frame, 12, 4, NULL, 0);
}

/* A drop of a frame of the capture, behind the drops that there are. */
static void add_drop(Bytes *bytes, Mutation *mutation)
{
  size_t at, len;
  MutateFrame picked;
  uint8_t data[2048], text[4096];
  Bytes frame = {.data = data, .max = sizeof data}, messages = {.data = text, .max = sizeof text};
  if (!find_piece(bytes, 'F', &at, &len))
    return;
  const Bytes capture = {.data = bytes->data + at + PIECE_HEADER, .len = len - PIECE_HEADER, .max = len - PIECE_HEADER};
  if (!mutate_capture_pick(&capture, mutation, &picked) || !bytes_append(&frame, picked.bytes.data, picked.bytes.len))
    return;
  as_dropped(&frame, picked.link, mutation);
  /* up to a quarter of a second behind */
  const int64_t time_ns = picked.time_ns + (INT64_C(1) << mutate_below(mutation, 28));
  mutate_netlink_alert(&messages, &frame, time_ns, mutation);

  const bool there = find_piece(bytes, 'D', &at, &len) && bytes_get(bytes, at + PIECE_HEADER, 4, false) == 0xa1b23c4d;
  if (!there) {
    at = bytes->len;
    if (!bytes_append(bytes, "D\0\0\0", PIECE_HEADER))
      return;
    mutate_capture_netlink_header(bytes);
    len = bytes->len - at;
  }
  Bytes record = {.data = data, .max = sizeof data};
  mutate_capture_netlink_record(&record, &messages, time_ns);
  if (bytes_splice(bytes, at + len, 0, record.data, record.len))
    bytes_put(bytes, at + 1, 3, false, len + record.len - PIECE_HEADER);
}

static void change_input(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  if (mutate_one_in(mutation, 4))
    add_drop(bytes, mutation);
  else
    mutate_list(&pieces, bytes, 0, bytes->len, NULL, mutation);
}

/* Frames of both in one capture, or whole pieces. */
static void cross_input(Bytes *bytes, const Bytes *other, Mutation *mutation)
{
  size_t at, len, other_at, other_len;
  static const uint8_t kinds[] = {'F', 'D'};
  const uint8_t kind = MUTATE_PICK(mutation, kinds);
  if (mutate_one_in(mutation, 2) || !find_piece(bytes, kind, &at, &len) ||
      !find_piece(other, kind, &other_at, &other_len)) {
    mutate_list_cross(&pieces, bytes, 0, other, 0, NULL, mutation);
    return;
  }
  const size_t max = len + bytes->max - bytes->len;
  g_autofree uint8_t *copy = g_malloc(max);
  memcpy(copy, bytes->data + at, len);
  Bytes part = {.data = copy + PIECE_HEADER, .len = len - PIECE_HEADER, .max = max - PIECE_HEADER};
  const Bytes source = {
      .data = other->data + other_at + PIECE_HEADER, .len = other_len - PIECE_HEADER, .max = other_len - PIECE_HEADER};
  mutate_capture_format.cross(&part, &source, mutation);
  bytes_splice(bytes, at + PIECE_HEADER, len - PIECE_HEADER, part.data, part.len);
  bytes_put(bytes, at + 1, 3, false, part.len);
}

const MutateFormat mutate_pieces_format = {.change = change_input, .cross = cross_input};
