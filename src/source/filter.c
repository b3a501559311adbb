#include "dropcorr/source/filter.h"

#include "dropcorr/base/cursor.h"
#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#define PROGRAMS_MAX 16 /* link types in one run; there are eight this program decodes */

typedef struct {
  int dlt;
  bool good; /* false: the expression means nothing for this link type */
  struct bpf_program program;
  bool has_untagged;
  struct bpf_program untagged; /* the expression without its `vlan` primitives */
} Program;

struct DcFilter {
  char *expression;
  char *untagged_expression; /* NULL: no `vlan` in it */
  bool optimize;
  size_t count;
  Program programs[PROGRAMS_MAX];
};

/*
 * A pcap_t that stands for a saved capture of the link type. One from pcap_open_dead() would
 * pass for a live capture on Linux, for which `inbound` and `ifindex` compile into loads that only the kernel
 * understands: applied to saved packets they reject everything.
 */
static pcap_t *open_saved(int dlt, char text[static PCAP_ERRBUF_SIZE])
{
  struct pcap_file_header header = {.magic = 0xa1b2c3d4,
                                    .version_major = 2,
                                    .version_minor = 4,
                                    .snaplen = 262144,
                                    .linktype = dlt == DLT_RAW ? 101 : (bpf_u_int32)dlt};
  FILE *stream = fmemopen(NULL, sizeof header, "w+");
  if (stream == NULL || fwrite(&header, sizeof header, 1, stream) != 1 || fseek(stream, 0, SEEK_SET) != 0) {
    g_strlcpy(text, g_strerror(errno), PCAP_ERRBUF_SIZE);
    if (stream != NULL)
      (void)fclose(stream);
    return NULL;
  }
  pcap_t *pcap = pcap_fopen_offline(stream, text);
  if (pcap == NULL)
    (void)fclose(stream);
  return pcap;
}

static bool compile(const char *expression, bool optimize, int dlt, struct bpf_program *ret_program, GError **error)
{
  char text[PCAP_ERRBUF_SIZE] = "";
  pcap_t *pcap = open_saved(dlt, text);
  if (pcap == NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_FILTER, "filter \"%s\": libpcap: %s", expression, text);
    return false;
  }
  bool good = pcap_compile(pcap, ret_program, expression, optimize ? 1 : 0, PCAP_NETMASK_UNKNOWN) == 0;
  if (!good) {
    const char *link = pcap_datalink_val_to_name(dlt);
    g_set_error(error, DC_ERROR, DC_ERROR_FILTER,
                "filter \"%s\" does not compile for link type %s: %s (see man pcap-filter)", expression,
                link != NULL ? link : "?", pcap_geterr(pcap));
  }
  pcap_close(pcap);
  return good;
}

/*
 * `vlan [ID]` is true of tagged packets and moves the offsets of what follows it. With
 * each one replaced by something always true, the rest applies to the packet as the kernel holds it, without
 * its tag. NULL: there is none.
 */
static char *without_vlan(const char *expression)
{
  g_autoptr(GRegex) regex = g_regex_new("\\bvlan\\b(\\s+(0x[0-9a-f]+|[0-9]+))?", G_REGEX_CASELESS, 0, NULL);
  if (!g_regex_match(regex, expression, 0, NULL))
    return NULL;
  return g_regex_replace_literal(regex, expression, -1, 0, "greater 0", 0, NULL);
}

/* The program of a link type, compiled at first use; NULL when there is no more room. */
static Program *program_for(DcFilter *filter, int dlt, GError **error)
{
  for (size_t i = 0; i < filter->count; i++) {
    Program *program = &filter->programs[i];
    if (program->dlt != dlt)
      continue;
    if (!program->good && error != NULL)
      (void)compile(filter->expression, filter->optimize, dlt, &program->program, error); /* the same text again */
    return program;
  }
  if (filter->count == PROGRAMS_MAX) {
    g_set_error(error, DC_ERROR, DC_ERROR_LIMIT, "filter \"%s\": more than %d link types in one run",
                filter->expression, PROGRAMS_MAX);
    return NULL;
  }
  Program *program = &filter->programs[filter->count++];
  program->dlt = dlt;
  program->good = compile(filter->expression, filter->optimize, dlt, &program->program, error);
  if (program->good && filter->untagged_expression != NULL)
    program->has_untagged = compile(filter->untagged_expression, filter->optimize, dlt, &program->untagged, NULL);
  return program;
}

bool dc_filter_new(const char *expression, bool optimize, DcFilter **ret_filter, GError **error)
{
  if (expression == NULL || expression[strspn(expression, " \t\r\n")] == '\0') {
    *ret_filter = NULL;
    return true;
  }
  g_autoptr(DcFilter) filter = g_new0(DcFilter, 1);
  filter->expression = g_strdup(expression);
  filter->untagged_expression = without_vlan(expression);
  filter->optimize = optimize;

  /* Some expressions make sense for some link types only (`inbound` needs SLL, `ether` a MAC header). */
  static const int tried[] = {DLT_EN10MB, DLT_LINUX_SLL2, DLT_RAW};
  g_autoptr(GError) first = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(tried); i++) {
    const Program *program = program_for(filter, tried[i], first == NULL ? &first : NULL);
    if (program->good) {
      *ret_filter = g_steal_pointer(&filter);
      return true;
    }
  }
  g_propagate_error(error, g_steal_pointer(&first));
  return false;
}

bool dc_filter_prepare(DcFilter *filter, int dlt, GError **error)
{
  const Program *program = program_for(filter, dlt, error);
  return program != NULL && program->good;
}

static bool run(const struct bpf_program *program, const uint8_t *bytes, uint32_t caplen, uint32_t len)
{
  struct pcap_pkthdr header = {.caplen = caplen, .len = len};
  return pcap_offline_filter(program, &header, bytes) != 0;
}

bool dc_filter_match(const DcFilter *filter, int dlt, const uint8_t *bytes, uint32_t caplen, uint32_t len)
{
  for (size_t i = 0; i < filter->count; i++) {
    const Program *program = &filter->programs[i];
    if (program->dlt == dlt)
      return program->good && run(&program->program, bytes, caplen, len);
  }
  return false;
}

static bool is_tagged(const DcDrop *drop)
{
  if (drop->link != DC_LINK_ETHERNET)
    return false;
  DcCursor cursor = dc_cursor(drop->bytes, drop->caplen);
  (void)dc_cursor_skip(&cursor, 12);
  uint16_t type = dc_cursor_be16(&cursor);
  return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

bool dc_filter_match_drop(DcFilter *filter, const DcDrop *drop)
{
  if (filter == NULL || drop->bytes == NULL || drop->caplen == 0)
    return true;
  const Program *program = program_for(filter, dc_link_to_dlt((DcLink)drop->link), NULL);
  if (program == NULL || !program->good)
    return true; /* says nothing of such bytes */
  uint32_t len = MAX(drop->orig_len, drop->caplen);
  if (run(&program->program, drop->bytes, drop->caplen, len))
    return true;
  return program->has_untagged && !is_tagged(drop) && run(&program->untagged, drop->bytes, drop->caplen, len);
}

const char *dc_filter_expression(const DcFilter *filter)
{
  return filter->expression;
}

void dc_filter_free(DcFilter *filter)
{
  if (filter == NULL)
    return;
  for (size_t i = 0; i < filter->count; i++) {
    Program *program = &filter->programs[i];
    if (program->good)
      pcap_freecode(&program->program);
    if (program->has_untagged)
      pcap_freecode(&program->untagged);
  }
  g_free(filter->untagged_expression);
  g_free(filter->expression);
  g_free(filter);
}
