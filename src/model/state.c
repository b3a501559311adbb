#include "state_private.h"

#include "dropcorr/base/hash.h"

#include <string.h>

guint dc_state_name_hash(gconstpointer name)
{
  return (guint)dc_hash_bytes(name, strlen(name));
}

void dc_state_copy_text(char *to, size_t size, const char *from)
{
  size_t n = 0;
  for (; n + 1 < size && from[n] != '\0'; n++) {
    const unsigned char c = (unsigned char)from[n];
    to[n] = c < 0x20 || c == 0x7f ? '?' : from[n];
  }
  /* the whole rest: values are compared and copied as structs */
  memset(to + n, 0, size - n);
}

static guint address_hash(gconstpointer key)
{
  const DcAddr *addr = key;
  uint64_t words[2];
  memcpy(words, addr->bytes, sizeof words);
  return (guint)dc_hash_words(words[0] ^ addr->version, words[1]);
}

static gboolean address_equal(gconstpointer a, gconstpointer b)
{
  return dc_addr_equal(a, b);
}

static guint mac_hash(gconstpointer key)
{
  const uint64_t *mac = key;
  return (guint)dc_hash_words(*mac, 0);
}

static guint index_hash(gconstpointer key)
{
  return (guint)dc_hash_words(GPOINTER_TO_UINT(key), 0);
}

static void object_free(gpointer data)
{
  DcStateObject *object = data;
  g_free(object->name);
  g_free(object);
}

DcState *dc_state_new(void)
{
  DcState *state = g_new0(DcState, 1);
  state->counters = dc_counter_table_new();
  state->sockets = dc_socket_table_new();
  state->objects = g_hash_table_new_full(dc_state_name_hash, g_str_equal, NULL, object_free);
  state->handlers = g_array_new(FALSE, FALSE, sizeof(DcProtocolHandler));
  state->taps = g_array_new(FALSE, FALSE, sizeof(DcProtocolHandler));
  state->sysctls = g_hash_table_new_full(dc_state_name_hash, g_str_equal, g_free, g_free);
  state->addresses = g_hash_table_new_full(address_hash, address_equal, g_free, NULL);
  state->broadcasts = g_hash_table_new_full(address_hash, address_equal, g_free, NULL);
  state->macs = g_hash_table_new_full(mac_hash, g_int64_equal, g_free, NULL);
  state->devices = g_hash_table_new_full(index_hash, g_direct_equal, NULL, g_free);
  state->bridge_ports = g_hash_table_new(index_hash, g_direct_equal);
  state->texts = g_hash_table_new_full(dc_state_name_hash, g_str_equal, g_free, g_free);
  state->kernel_lines = g_ptr_array_new_with_free_func(g_free);
  state->kernel_lines_old = g_byte_array_new();
  return state;
}

void dc_state_free(DcState *state)
{
  if (state == NULL)
    return;
  dc_counter_table_free(state->counters);
  dc_socket_table_free(state->sockets);
  g_hash_table_unref(state->objects);
  g_array_unref(state->handlers);
  g_array_unref(state->taps);
  g_hash_table_unref(state->sysctls);
  g_hash_table_unref(state->addresses);
  g_hash_table_unref(state->broadcasts);
  g_hash_table_unref(state->macs);
  g_hash_table_unref(state->devices);
  g_hash_table_unref(state->bridge_ports);
  g_hash_table_unref(state->texts);
  g_ptr_array_unref(state->kernel_lines);
  g_byte_array_unref(state->kernel_lines_old);
  g_free(state->kernel_release);
  g_free(state);
}

uint64_t dc_state_refused(const DcState *state)
{
  return state->refused;
}

/* --- objects ----------------------------------------------------------------- */

DcStateObject *dc_state_object(DcState *state, const char *name)
{
  DcStateObject *object = g_hash_table_lookup(state->objects, name);
  if (object != NULL)
    return object;
  if (!dc_state_name_fits(name) || g_hash_table_size(state->objects) >= DC_STATE_OBJECTS_MAX) {
    state->refused++;
    return NULL;
  }
  object = g_new0(DcStateObject, 1);
  object->name = g_strdup(name);
  g_hash_table_insert(state->objects, object->name, object);
  return object;
}

void dc_state_begin_object(DcState *state, const char *object_name, DcPhase phase, int64_t time_ns, bool zero_when_new)
{
  DcStateObject *object = dc_state_object(state, object_name);
  int64_t place;
  const bool placed = dc_state_place(time_ns, phase, &place);
  state->current = object;
  state->current_ns = placed ? place : DC_PLACE_BEFORE;
  state->current_before = phase == DC_PHASE_BEFORE;
  state->current_zero = object != NULL && placed && zero_when_new && object->sampled && object->whole;
}

void dc_state_end_object(DcState *state, bool whole)
{
  DcStateObject *object = state->current;
  state->current = NULL;
  state->current_zero = false;
  if (object == NULL)
    return;
  object->seen = true;
  object->sampled = true;
  object->whole = whole;
  object->last_ns = state->current_ns;
}

void dc_state_drop_object(DcState *state)
{
  state->current = NULL;
  state->current_zero = false;
}

void dc_state_mark_seen(DcState *state, const char *object_name, DcPhase phase, int64_t time_ns)
{
  /* what matters so far is that there was one, not when */
  (void)phase;
  (void)time_ns;
  DcStateObject *object = dc_state_object(state, object_name);
  if (object != NULL)
    object->seen = true;
}

bool dc_state_seen(const DcState *state, const char *object_name)
{
  const DcStateObject *object = g_hash_table_lookup(state->objects, object_name);
  return object != NULL && object->seen;
}

bool dc_state_seen_since(const DcState *state, const char *object_name, int64_t time_ns)
{
  const DcStateObject *object = g_hash_table_lookup(state->objects, object_name);
  return object != NULL && object->seen &&
         (!object->sampled || object->last_ns == DC_PLACE_BEFORE || object->last_ns >= time_ns);
}

/* --- protocol handlers -------------------------------------------------------- */

static bool is_packet_socket(const DcProtocolHandler *handler)
{
  return strcmp(handler->handler, DC_HANDLER_PACKET_SOCKET) == 0 || strstr(handler->handler, "packet_rcv") != NULL;
}

static bool same_handler(const DcProtocolHandler *a, const DcProtocolHandler *b)
{
  if (a->ethertype != b->ethertype || strcmp(a->device, b->device) != 0)
    return false;
  /* /proc/net/packet and, before 4.4 or without a device, /proc/net/ptype show one socket twice */
  return strcmp(a->handler, b->handler) == 0 || (is_packet_socket(a) && is_packet_socket(b));
}

void dc_state_add_handler(DcState *state, const DcProtocolHandler *handler)
{
  DcProtocolHandler copy = {.ethertype = handler->ethertype < 0 ? -1 : handler->ethertype};
  dc_state_copy_text(copy.device, sizeof copy.device, handler->device);
  dc_state_copy_text(copy.handler, sizeof copy.handler, handler->handler);
  /* A packet socket says nothing of which protocols the kernel knows. */
  if (strcmp(copy.handler, DC_HANDLER_PACKET_SOCKET) != 0)
    state->has_handlers = true;

  GArray *rows = copy.ethertype < 0 ? state->taps : state->handlers;
  for (guint i = 0; i < rows->len; i++) {
    if (same_handler(&g_array_index(rows, DcProtocolHandler, i), &copy))
      return;
  }
  if (rows->len >= DC_STATE_HANDLERS_MAX)
    state->refused++;
  else
    g_array_append_val(rows, copy);
}

bool dc_state_has_handlers(const DcState *state)
{
  return state->has_handlers;
}

const DcProtocolHandler *dc_state_handler(const DcState *state, uint16_t ethertype)
{
  const DcProtocolHandler *bound = NULL;
  for (guint i = 0; i < state->handlers->len; i++) {
    const DcProtocolHandler *row = &g_array_index(state->handlers, DcProtocolHandler, i);
    if (row->ethertype != ethertype)
      continue;
    if (row->device[0] == '\0')
      return row;
    if (bound == NULL)
      bound = row;
  }
  return bound;
}

const DcProtocolHandler *dc_state_taps(const DcState *state, size_t *ret_count)
{
  *ret_count = state->taps->len;
  return state->taps->len > 0 ? &g_array_index(state->taps, DcProtocolHandler, 0) : NULL;
}

/* --- settings ------------------------------------------------------------------ */

void dc_state_set_sysctl(DcState *state, const char *name, const char *value)
{
  if (!dc_state_name_fits(name) ||
      (g_hash_table_size(state->sysctls) >= DC_STATE_SYSCTLS_MAX && !g_hash_table_contains(state->sysctls, name))) {
    state->refused++;
    return;
  }
  char clean[DC_STATE_VALUE_MAX];
  const size_t len = strnlen(value, sizeof clean);
  char *copy = g_malloc(MIN(len + 1, sizeof clean));
  /* the kernel separates several values by tabs */
  dc_state_copy_text(clean, sizeof clean, value);
  for (size_t i = 0; clean[i] != '\0'; i++)
    copy[i] = value[i] == '\t' ? ' ' : clean[i];
  copy[MIN(len, sizeof clean - 1)] = '\0';
  g_hash_table_insert(state->sysctls, g_strdup(name), copy);
}

const char *dc_state_sysctl(const DcState *state, const char *name)
{
  return g_hash_table_lookup(state->sysctls, name);
}

bool dc_state_sysctl_number(const DcState *state, const char *name, int64_t *ret_value)
{
  const char *text = dc_state_sysctl(state, name);
  gint64 value;
  if (text == NULL || !g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &value, NULL))
    return false;
  *ret_value = value;
  return true;
}

bool dc_state_has_sysctls(const DcState *state)
{
  return g_hash_table_size(state->sysctls) > 0;
}

/* --- addresses ------------------------------------------------------------------- */

static bool is_multicast(const DcAddr *addr)
{
  return addr->version == 4 ? addr->bytes[0] >= 224 && addr->bytes[0] < 240 : addr->bytes[0] == 0xff;
}

static bool is_any(const DcAddr *addr)
{
  static const uint8_t zero[16];
  return memcmp(addr->bytes, zero, sizeof zero) == 0;
}

static void keep_address(DcState *state, GHashTable *set, const DcAddr *addr)
{
  if (g_hash_table_contains(set, addr))
    return;
  if (g_hash_table_size(set) >= DC_STATE_ADDRESSES_MAX)
    state->refused++;
  else
    g_hash_table_add(set, g_memdup2(addr, sizeof *addr));
}

void dc_state_add_address(DcState *state, const char *device, const DcAddr *addr, uint8_t prefix_len)
{
  (void)device; /* an address is the host's, whichever device it sits on (the weak host model of Linux) */
  if ((addr->version != 4 && addr->version != 6) || is_any(addr) || is_multicast(addr))
    return;
  DcAddr key = {.version = addr->version};
  memcpy(key.bytes, addr->bytes, addr->version == 4 ? 4 : 16);
  keep_address(state, state->addresses, &key);

  /* /31 and /32 have no broadcast address (RFC 3021) */
  if (addr->version == 4 && prefix_len > 0 && prefix_len < 31) {
    for (unsigned bit = prefix_len; bit < 32; bit++)
      key.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    keep_address(state, state->broadcasts, &key);
  }
}

bool dc_state_has_addresses(const DcState *state)
{
  return g_hash_table_size(state->addresses) > 0;
}

bool dc_state_is_local_address(const DcState *state, const DcAddr *addr)
{
  return (addr->version == 4 && addr->bytes[0] == 127) || g_hash_table_contains(state->addresses, addr);
}

bool dc_state_is_broadcast_address(const DcState *state, const DcAddr *addr)
{
  static const uint8_t limited[4] = {255, 255, 255, 255};
  return addr->version == 4 &&
         (memcmp(addr->bytes, limited, sizeof limited) == 0 || g_hash_table_contains(state->broadcasts, addr));
}

static int64_t mac_number(const uint8_t mac[6])
{
  int64_t number = 0;
  for (size_t i = 0; i < 6; i++)
    number = number << 8 | mac[i];
  return number;
}

void dc_state_add_mac(DcState *state, const char *device, uint32_t ifindex, const uint8_t mac[6])
{
  const int64_t number = mac_number(mac);
  /* loopback and tunnels have the zero address; it is nobody's */
  if (number != 0 && !g_hash_table_contains(state->macs, &number)) {
    if (g_hash_table_size(state->macs) >= DC_STATE_DEVICES_MAX)
      state->refused++;
    else
      g_hash_table_add(state->macs, g_memdup2(&number, sizeof number));
  }
  if (ifindex == 0 || device == NULL || device[0] == '\0')
    return;
  const char *known = g_hash_table_lookup(state->devices, GUINT_TO_POINTER(ifindex));
  if (known != NULL ? strcmp(known, device) == 0 : g_hash_table_size(state->devices) >= DC_STATE_DEVICES_MAX) {
    state->refused += known == NULL;
    return;
  }
  char name[32];
  dc_state_copy_text(name, sizeof name, device);
  g_hash_table_insert(state->devices, GUINT_TO_POINTER(ifindex), g_strdup(name));
}

void dc_state_add_bridge_port(DcState *state, uint32_t ifindex)
{
  if (ifindex == 0 || g_hash_table_contains(state->bridge_ports, GUINT_TO_POINTER(ifindex)))
    return;
  if (g_hash_table_size(state->bridge_ports) >= DC_STATE_DEVICES_MAX)
    state->refused++;
  else
    g_hash_table_add(state->bridge_ports, GUINT_TO_POINTER(ifindex));
}

void dc_state_each_bridge_port(const DcState *state, void (*visit)(uint32_t ifindex, void *data), void *data)
{
  GHashTableIter iter;
  gpointer ifindex;
  g_hash_table_iter_init(&iter, state->bridge_ports);
  while (g_hash_table_iter_next(&iter, &ifindex, NULL))
    visit(GPOINTER_TO_UINT(ifindex), data);
}

const char *dc_state_only_device(const DcState *state)
{
  const char *only = NULL;
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, state->devices);
  while (g_hash_table_iter_next(&iter, NULL, &name)) {
    if (strcmp(name, "lo") == 0)
      continue;
    if (only != NULL)
      return NULL;
    only = name;
  }
  return only;
}

void dc_state_each_address(const DcState *state, void (*visit)(const DcAddr *addr, void *data), void *data)
{
  GHashTableIter iter;
  gpointer addr;
  g_hash_table_iter_init(&iter, state->addresses);
  while (g_hash_table_iter_next(&iter, &addr, NULL))
    visit(addr, data);
}

void dc_state_each_mac(const DcState *state, void (*visit)(const uint8_t mac[6], void *data), void *data)
{
  GHashTableIter iter;
  gpointer number;
  g_hash_table_iter_init(&iter, state->macs);
  while (g_hash_table_iter_next(&iter, &number, NULL)) {
    uint8_t mac[6];
    for (size_t i = 0; i < sizeof mac; i++)
      mac[i] = (uint8_t)(*(const int64_t *)number >> 8 * (5 - i));
    visit(mac, data);
  }
}

bool dc_state_is_local_mac(const DcState *state, const uint8_t mac[6])
{
  const int64_t number = mac_number(mac);
  return g_hash_table_contains(state->macs, &number);
}

const char *dc_state_device_name(const DcState *state, uint32_t ifindex)
{
  return ifindex == 0 ? NULL : g_hash_table_lookup(state->devices, GUINT_TO_POINTER(ifindex));
}

/* --- texts -------------------------------------------------------------------------- */

/* "6.1.0-56-cloud-amd64" in "Linux HOST 6.1.0-56-cloud-amd64 #1 SMP ...", "Linux version 6.1.0 (...)" or alone. */
static void take_kernel_release(DcState *state, const char *text)
{
  g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", 4);
  const guint count = g_strv_length(words);
  const char *release = count >= 3 && strcmp(words[0], "Linux") == 0 ? words[2] : count >= 1 ? words[0] : "";

  char *end;
  if (!g_ascii_isdigit(release[0]))
    return;
  const guint64 major = g_ascii_strtoull(release, &end, 10);
  if (*end != '.' || !g_ascii_isdigit(end[1]))
    return;
  const guint64 minor = g_ascii_strtoull(end + 1, NULL, 10);
  if (major > 255 || minor > 255)
    return;
  char clean[128];
  dc_state_copy_text(clean, sizeof clean, release);
  g_free(state->kernel_release);
  state->kernel_release = g_strdup(clean);
  state->kernel_version = (uint32_t)(major << 16 | minor << 8);
}

void dc_state_set_text(DcState *state, const char *name, const char *text, size_t len)
{
  const char *known = g_hash_table_lookup(state->texts, name);
  const size_t others = state->texts_total - (known != NULL ? strlen(known) : 0);
  if (len > DC_STATE_TEXT_MAX) {
    state->refused++;
    len = DC_STATE_TEXT_MAX;
  }
  if (!dc_state_name_fits(name) || (known == NULL && g_hash_table_size(state->texts) >= DC_STATE_TEXTS_MAX) ||
      others + len > DC_STATE_TEXTS_TOTAL_MAX) {
    state->refused++;
    return;
  }
  state->texts_total = others + len;
  char *copy = g_malloc(len + 1);
  if (len > 0)
    memcpy(copy, text, len);
  copy[len] = '\0';
  /* one NUL would end the text for every reader */
  for (char *nul = copy; (nul = memchr(nul, '\0', len - (size_t)(nul - copy))) != NULL;)
    *nul = '?';
  if (strcmp(name, "uname") == 0)
    take_kernel_release(state, copy);
  g_hash_table_insert(state->texts, g_strdup(name), copy);
  static _Atomic uint64_t versions;
  state->text_version = ++versions;
}

uint64_t dc_state_text_version(const DcState *state)
{
  return state->text_version;
}

const char *dc_state_text(const DcState *state, const char *name)
{
  return g_hash_table_lookup(state->texts, name);
}

uint32_t dc_state_kernel_version(const DcState *state)
{
  return state->kernel_version;
}

const char *dc_state_kernel_release(const DcState *state)
{
  return state->kernel_release;
}

/* --- kernel log ----------------------------------------------------------------------- */

/* Two lines are alike when they differ in numbers (decimal or hex) only. */
static bool alike(const char *a, const char *b)
{
  for (;;) {
    while (g_ascii_isxdigit(*a) || *a == ' ')
      a++;
    while (g_ascii_isxdigit(*b) || *b == ' ')
      b++;
    if (*a != *b)
      return false;
    if (*a == '\0')
      return true;
    a++;
    b++;
  }
}

void dc_state_add_kernel_line(DcState *state, const char *line, size_t len)
{
  char clean[512];
  g_autofree char *copy = g_strndup(line, MIN(len, sizeof clean));
  dc_state_copy_text(clean, sizeof clean, copy);
  if (clean[0] == '\0')
    return;

  GPtrArray *lines = state->kernel_lines;
  guint similar = 0;
  guint oldest = 0;
  for (guint i = lines->len; i-- > 0;) {
    const char *known = g_ptr_array_index(lines, i);
    /* before.dmesg and after.dmesg share most of their lines */
    if (strcmp(known, clean) == 0)
      return;
    if (alike(known, clean)) {
      similar++;
      oldest = i;
    }
  }
  if (similar >= DC_STATE_KERNEL_LINES_ALIKE) {
    /* the first says when it began, the newest how far it got: the second oldest goes */
    guint second = oldest + 1;
    while (!alike(g_ptr_array_index(lines, second), clean))
      second++;
    g_ptr_array_remove_index(lines, second);
    g_byte_array_remove_index(state->kernel_lines_old, second);
    state->refused++;
  } else if (lines->len >= DC_STATE_KERNEL_LINES_MAX) {
    state->refused++;
    return;
  }
  const guint8 old = state->current != NULL && state->current_before;
  g_ptr_array_add(lines, g_strdup(clean));
  g_byte_array_append(state->kernel_lines_old, &old, 1);
}

bool dc_state_kernel_line_is_old(const DcState *state, size_t index)
{
  return index < state->kernel_lines_old->len && state->kernel_lines_old->data[index] != 0;
}

const char *const *dc_state_kernel_lines(const DcState *state, size_t *ret_count)
{
  *ret_count = state->kernel_lines->len;
  return (const char *const *)state->kernel_lines->pdata;
}
