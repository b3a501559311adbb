#include "dropcorr/cli/shown.h"

#include "dropcorr/source/folder.h"

#include <string.h>

/* Beside the bundle, never in it. */
static char *map_path(const DcOptions *options)
{
  if (options->anonymize_map != NULL)
    return g_strdup(options->anonymize_map);
  if (options->bundle == NULL)
    return g_strdup("dropcorr.map");
  g_autofree char *base = g_strdup(options->bundle);
  size_t len = strlen(base);
  if (dc_folder_is_archive(base))
    len -= strlen(g_str_has_suffix(base, ".tgz") ? ".tgz" : ".tar.gz");
  while (len > 1 && base[len - 1] == '/')
    len--;
  base[len] = '\0';
  return g_strconcat(base, ".map", NULL);
}

bool dc_shown_init(DcShown *ret_shown, const DcOptions *options, const char *command_line, uid_t owner, gid_t group,
                   GError **error)
{
  DcShown shown = {.options = *options, .command_line = g_strdup(command_line)};
  if (options->anonymize) {
    g_autofree char *path = map_path(options);
    shown.anonymizer = dc_anonymizer_open(path, owner, group, error);
    if (shown.anonymizer == NULL) {
      g_free(shown.command_line);
      return false;
    }
  }
  *ret_shown = shown;
  return true;
}

void dc_shown_learn(DcShown *shown, DcSource *events)
{
  DcEvent event;
  while (dc_source_next(events, &event, NULL) == DC_READ_EVENT) {
    if (event.kind == DC_EVENT_FRAME || event.kind == DC_EVENT_DROP)
      return;
    if (event.kind == DC_EVENT_SAMPLE)
      dc_anonymizer_learn(shown->anonymizer, &event.sample);
  }
}

void dc_shown_fix(DcShown *shown)
{
  DcAnonymizer *anonymizer = shown->anonymizer;
  if (anonymizer == NULL)
    return;
  const DcOptions *options = &shown->options;
  char *command = dc_anonymizer_command(anonymizer, shown->command_line);
  g_free(shown->command_line);
  shown->command_line = command;
  shown->filter = dc_anonymizer_filter(anonymizer, options->filter);
  shown->locals = g_new0(DcLocal, options->local_count + 1);
  for (size_t i = 0; i < options->local_count; i++) {
    shown->locals[i] = options->locals[i];
    if (options->locals[i].is_mac)
      dc_anonymizer_mac(anonymizer, options->locals[i].mac, shown->locals[i].mac);
    else
      shown->locals[i].addr = dc_anonymizer_addr(anonymizer, &options->locals[i].addr);
  }
  shown->options.filter = shown->filter;
  shown->options.locals = shown->locals;
}

DcSource *dc_shown_events(DcShown *shown, DcSource *source)
{
  return shown->anonymizer != NULL ? dc_anonymized_new(source, shown->anonymizer) : source;
}

static void replace_addresses(DcShown *shown, const uint8_t (*macs)[6], size_t mac_count, const DcAddr *addresses,
                              size_t address_count)
{
  g_free(shown->macs);
  g_free(shown->addresses);
  shown->macs = g_malloc0((mac_count + 1) * sizeof *shown->macs);
  shown->addresses = g_new0(DcAddr, address_count + 1);
  for (size_t i = 0; i < mac_count; i++)
    dc_anonymizer_mac(shown->anonymizer, macs[i], shown->macs[i]);
  for (size_t i = 0; i < address_count; i++)
    shown->addresses[i] = dc_anonymizer_addr(shown->anonymizer, &addresses[i]);
}

void dc_shown_host(DcShown *shown, DcAnalysisHost *host)
{
  if (shown->anonymizer == NULL)
    return;
  replace_addresses(shown, host->macs, host->mac_count, host->addresses, host->address_count);
  host->macs = (const uint8_t(*)[6])shown->macs;
  host->addresses = shown->addresses;
}

void dc_shown_meta(DcShown *shown, DcEvidenceMeta *meta)
{
  DcAnonymizer *anonymizer = shown->anonymizer;
  if (anonymizer == NULL)
    return;
  replace_addresses(shown, meta->local_macs, meta->local_mac_count, meta->local_addresses, meta->local_address_count);
  meta->local_macs = (const uint8_t(*)[6])shown->macs;
  meta->local_addresses = shown->addresses;
  if (meta->has_mac)
    dc_anonymizer_mac(anonymizer, meta->mac, meta->mac);
  g_free(shown->meta_filter);
  shown->meta_filter = dc_anonymizer_filter(anonymizer, meta->filter);
  meta->filter = shown->meta_filter;
  meta->command = shown->command_line;
}

const char *dc_shown_name(const DcShown *shown, const char *path, const char *instead)
{
  return shown->anonymizer != NULL ? instead : path;
}

bool dc_shown_finish(DcShown *shown, GError **error)
{
  return shown->anonymizer == NULL || dc_anonymizer_finish(shown->anonymizer, error);
}

void dc_shown_clear(DcShown *shown)
{
  dc_anonymizer_free(shown->anonymizer);
  g_free(shown->command_line);
  g_free(shown->locals);
  g_free(shown->filter);
  g_free(shown->meta_filter);
  g_free(shown->macs);
  g_free(shown->addresses);
  *shown = (DcShown){.anonymizer = NULL};
}
