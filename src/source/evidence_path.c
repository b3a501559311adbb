#include "evidence_path.h"

#include "dropcorr/base/clock.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* How wide numbers are: as many digits as the last one has. */
static int digits(uint32_t files)
{
  int width = 1;
  for (uint32_t last = files - 1; last >= 10; last /= 10)
    width++;
  return width;
}

static char *fill_time(const char *format, int64_t time_ns)
{
  const time_t seconds = (time_t)(time_ns / DC_NS_PER_S);
  struct tm local;
  char text[4096];
  if (localtime_r(&seconds, &local) == NULL)
    return g_strdup(format);
    /* The format is the user's own file name. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const size_t len = strftime(text, sizeof text, format, &local);
#pragma GCC diagnostic pop
  return len > 0 ? g_strdup(text) : g_strdup(format);
}

char *dc_evidence_path_make(const char *path, int64_t period_ns, uint64_t rotate_bytes, uint32_t files, int64_t time_ns,
                            uint64_t number)
{
  g_autofree char *base = period_ns > 0 ? fill_time(path, time_ns) : g_strdup(path);
  if (rotate_bytes == 0 || (number == 0 && files == 0))
    return g_steal_pointer(&base);
  if (files == 0)
    return g_strdup_printf("%s%" PRIu64, base, number);
  return g_strdup_printf("%s%0*" PRIu64, base, digits(files), number % files);
}
