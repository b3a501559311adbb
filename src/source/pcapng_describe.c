/*
 * Descriptions in a pcapng file: section headers and interfaces, whose facts are options.
 */
#include "packet_file.h"

#include <string.h>

enum {
  OPTION_END = 0,
  OPTION_COMMENT = 1,
  SECTION_HARDWARE = 2,
  SECTION_OS = 3,
  SECTION_APPLICATION = 4,
  INTERFACE_NAME = 2,
  INTERFACE_MAC = 6,
  INTERFACE_TSRESOL = 9,
  INTERFACE_FILTER = 11,
  INTERFACE_TSOFFSET = 14
};

#define TEXT_MAX 4096u

bool dc_pcapng_option(DcCursor *cursor, bool swapped, uint16_t *ret_code, DcCursor *ret_value)
{
  if (dc_cursor_left(cursor) < 4)
    return false;
  uint16_t code = dc_packet_file_u16(cursor, swapped);
  uint16_t len = dc_packet_file_u16(cursor, swapped);
  if (code == OPTION_END)
    return false;
  DcCursor value = dc_cursor_sub(cursor, len);
  if (!cursor->ok)
    return false;
  (void)dc_cursor_skip(cursor, MIN((4u - len % 4u) % 4u, dc_cursor_left(cursor)));
  *ret_code = code;
  *ret_value = value;
  return true;
}

/* An option's text, fit to be printed: up to a NUL, control characters replaced. NULL when empty. */
static char *option_text(DcCursor *value)
{
  size_t len = MIN(dc_cursor_left(value), TEXT_MAX);
  const uint8_t *bytes = dc_cursor_bytes(value, len);
  if (bytes == NULL || len == 0)
    return NULL;
  char *text = g_strndup((const char *)bytes, len);
  for (char *at = text; *at != '\0'; at++) {
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      *at = '?';
  }
  return text;
}

static void keep_text(const char **place, DcCursor *value)
{
  if (*place == NULL)
    *place = option_text(value);
}

/*
 * Section header: byte order magic, version, section length (may be -1, not needed), options.
 *  | 1a2b3c4d | major (16) minor (16) | section length (64) | options
 */
bool dc_pcapng_section(DcPacketFile *file, DcCursor body, GError **error)
{
  (void)dc_cursor_skip(&body, 4);
  uint16_t major = dc_packet_file_u16(&body, file->swapped);
  uint16_t minor = dc_packet_file_u16(&body, file->swapped);
  (void)dc_cursor_skip(&body, 8);
  if (!body.ok) {
    (void)dc_packet_file_fail(file, DC_ERROR_FORMAT, error,
                              "the section header at byte %" G_GUINT64_FORMAT " is too short: the file is damaged",
                              file->section_offset);
    return false;
  }
  if (major != 1) {
    (void)dc_packet_file_fail(file, DC_ERROR_UNSUPPORTED, error,
                              "is pcapng version %u.%u, and only version 1 is known: convert it with editcap", major,
                              minor);
    return false;
  }
  g_array_set_size(file->section_interfaces, 0);

  uint16_t code;
  DcCursor value;
  while (dc_pcapng_option(&body, file->swapped, &code, &value)) {
    switch (code) {
    case OPTION_COMMENT:
      keep_text(&file->info.comment, &value);
      break;
    case SECTION_HARDWARE:
      keep_text(&file->info.hardware, &value);
      break;
    case SECTION_OS:
      keep_text(&file->info.os, &value);
      break;
    case SECTION_APPLICATION:
      keep_text(&file->info.application, &value);
      break;
    default:
      break;
    }
  }
  if (file->info.application != NULL && g_str_has_prefix(file->info.application, "dropcorr"))
    file->info.is_evidence = true;
  return true;
}

/*
 * Files joined from many sections describe the same interface again and again: equal
 * descriptions are one interface, so that neither numbers nor memory grow with the sections.
 */
static bool remember_interface(DcPacketFile *file, DcPacketInterface *interface, GError **error)
{
  const DcCaptureInterface *public = &interface->public;
  g_autofree char *key = g_strdup_printf(
      "%u|%d|%u|%u|%u|%" G_GINT64_FORMAT "|%d|%02x%02x%02x%02x%02x%02x|%s|%s", file->section_interfaces->len,
      public->dlt, public->snaplen, interface->ts_base_two, interface->ts_exponent, interface->ts_offset_s,
      public->has_mac, public->mac[0], public->mac[1], public->mac[2], public->mac[3], public->mac[4], public->mac[5],
      interface->name != NULL ? interface->name : "", interface->filter != NULL ? interface->filter : "");
  gpointer known = NULL;
  uint32_t id;
  if (g_hash_table_lookup_extended(file->known_interfaces, key, NULL, &known)) {
    id = GPOINTER_TO_UINT(known);
    /* Statistics count from the start of their section. */
    file->interfaces[id]->lost = 0;
    g_free(interface->name);
    g_free(interface->filter);
    g_free(interface);
  } else {
    if (file->interface_count >= DC_PACKET_INTERFACES_MAX) {
      g_free(interface->name);
      g_free(interface->filter);
      g_free(interface);
      (void)dc_packet_file_fail(file, DC_ERROR_LIMIT, error,
                                "describes more than %u interfaces: split it by interface with tshark or editcap",
                                DC_PACKET_INTERFACES_MAX);
      return false;
    }
    id = dc_packet_file_add_interface(file, interface);
    g_hash_table_insert(file->known_interfaces, g_steal_pointer(&key), GUINT_TO_POINTER(id));
  }
  g_array_append_val(file->section_interfaces, id);
  return true;
}

/* Interface description: | link type (16) | reserved (16) | snaplen | options */
bool dc_pcapng_interface(DcPacketFile *file, uint64_t offset, DcCursor body, GError **error)
{
  uint16_t linktype = dc_packet_file_u16(&body, file->swapped);
  (void)dc_cursor_skip(&body, 2);
  uint32_t snaplen = dc_packet_file_u32(&body, file->swapped);
  if (!body.ok || file->section_interfaces->len >= DC_PACKET_INTERFACES_MAX) {
    (void)dc_packet_file_fail(file, body.ok ? DC_ERROR_LIMIT : DC_ERROR_FORMAT, error,
                              body.ok ? "too many interfaces in one section (at byte %" G_GUINT64_FORMAT
                                        "): split it by interface with tshark or editcap"
                                      : "the interface description at byte %" G_GUINT64_FORMAT
                                        " is too short: the file is damaged",
                              offset);
    return false;
  }
  DcPacketInterface *interface = g_new0(DcPacketInterface, 1);
  interface->public.dlt = dc_packet_file_dlt(linktype);
  interface->public.snaplen = snaplen;
  interface->ts_exponent = 6;

  uint16_t code;
  DcCursor value;
  while (dc_pcapng_option(&body, file->swapped, &code, &value)) {
    switch (code) {
    case INTERFACE_NAME:
      if (interface->name == NULL)
        interface->name = option_text(&value);
      break;
    case INTERFACE_MAC:
      if (dc_cursor_left(&value) == sizeof interface->public.mac) {
        memcpy(interface->public.mac, dc_cursor_bytes(&value, sizeof interface->public.mac),
               sizeof interface->public.mac);
        interface->public.has_mac = true;
      }
      break;
    case INTERFACE_TSRESOL: {
      uint8_t resolution = dc_cursor_u8(&value);
      interface->ts_base_two = resolution >> 7;
      interface->ts_exponent = resolution & 0x7f;
      break;
    }
    case INTERFACE_FILTER:
      /* Kind 0 is an expression, kind 1 compiled code. */
      if (dc_cursor_u8(&value) == 0 && interface->filter == NULL)
        interface->filter = option_text(&value);
      break;
    case INTERFACE_TSOFFSET:
      interface->ts_offset_s = (int64_t)dc_packet_file_u64(&value, file->swapped);
      break;
    default:
      break;
    }
  }
  /* 2^-63 and 10^-19 are the finest of which a second still fits into the 64 bits of a time. */
  if (interface->ts_exponent > (interface->ts_base_two ? 63 : 19)) {
    (void)dc_packet_file_fail(file, DC_ERROR_FORMAT, error,
                              "the interface at byte %" G_GUINT64_FORMAT
                              " claims a time resolution of %d^-%u s: the file is damaged",
                              offset, interface->ts_base_two ? 2 : 10, interface->ts_exponent);
    g_free(interface->name);
    g_free(interface->filter);
    g_free(interface);
    return false;
  }
  if (interface->ts_base_two ? interface->ts_exponent > 20 : interface->ts_exponent > 6)
    file->info.nanoseconds = true;
  return remember_interface(file, interface, error);
}
