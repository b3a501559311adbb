#include "dropcorr/cli/values.h"

#include "dropcorr/base/clock.h"

#include <glib.h>
#include <string.h>

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* Digits at *text into *ret_value, moving *text behind them; false without a digit or on overflow. */
static bool take_digits(const char **text, uint64_t *ret_value)
{
  const char *at = *text;
  uint64_t value = 0;
  if (!is_digit(*at))
    return false;
  for (; is_digit(*at); at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (__builtin_mul_overflow(value, UINT64_C(10), &value) || __builtin_add_overflow(value, digit, &value))
      return false;
  }
  *text = at;
  *ret_value = value;
  return true;
}

bool dc_value_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
  uint64_t value = 0;
  if (!take_digits(&text, &value) || *text != '\0' || value < min || value > max)
    return false;
  *ret_value = value;
  return true;
}

typedef struct {
  const char *suffix;
  uint64_t ns;
} DurationUnit;

static const DurationUnit DURATION_UNITS[] = {
    {"", DC_NS_PER_S}, {"s", DC_NS_PER_S},      {"ms", DC_NS_PER_MS},      {"us", DC_NS_PER_US},
    {"ns", 1},         {"m", 60 * DC_NS_PER_S}, {"h", 3600 * DC_NS_PER_S}, {"d", 24 * 3600 * DC_NS_PER_S},
};

#define DURATION_MAX ((uint64_t)100 * 366 * 24 * 3600 * (uint64_t)DC_NS_PER_S)

bool dc_value_duration(const char *text, int64_t *ret_ns)
{
  uint64_t whole = 0;
  uint64_t tenths = 0; /* the fraction as an integer, over `scale` */
  uint64_t scale = 1;
  if (!take_digits(&text, &whole))
    return false;
  if (*text == '.') {
    const char *digits = ++text;
    if (!take_digits(&text, &tenths) || text - digits > 9)
      return false;
    for (const char *at = digits; at < text; at++)
      scale *= 10;
  }
  for (size_t i = 0; i < sizeof DURATION_UNITS / sizeof DURATION_UNITS[0]; i++) {
    const DurationUnit *unit = &DURATION_UNITS[i];
    if (strcmp(text, unit->suffix) != 0)
      continue;
    uint64_t ns = 0;
    /* The fraction is below 1e9 and a unit below 1e14: their product may need more than 64 bits. */
    uint64_t part = (uint64_t)((unsigned __int128)tenths * unit->ns / scale);
    if (__builtin_mul_overflow(whole, unit->ns, &ns) || __builtin_add_overflow(ns, part, &ns) || ns > DURATION_MAX)
      return false;
    *ret_ns = (int64_t)ns;
    return true;
  }
  return false;
}

bool dc_value_offset(const char *text, int64_t *ret_ns)
{
  const bool negative = *text == '-';
  int64_t ns = 0;
  if (!dc_value_duration(text + (negative || *text == '+'), &ns))
    return false;
  *ret_ns = negative ? -ns : ns;
  return true;
}

bool dc_value_time(const char *text, int64_t *ret_ns)
{
  if (dc_value_duration(text, ret_ns))
    return true;
  g_autoptr(GTimeZone) local = g_time_zone_new_local();
  g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(text, local);
  if (when == NULL)
    return false;
  *ret_ns = g_date_time_to_unix(when) * DC_NS_PER_S + g_date_time_get_microsecond(when) * DC_NS_PER_US;
  return true;
}

bool dc_value_size(const char *text, uint64_t *ret_bytes)
{
  static const char SUFFIXES[] = "kmg";
  uint64_t number = 0;
  uint64_t unit = 1000000;
  if (!take_digits(&text, &number))
    return false;
  if (*text != '\0') {
    const char *suffix = strchr(SUFFIXES, *text | 0x20); /* either case */
    if (suffix == NULL || text[1] != '\0')
      return false;
    unit = UINT64_C(1) << (10 * (suffix - SUFFIXES + 1));
  }
  uint64_t bytes = 0;
  if (number == 0 || __builtin_mul_overflow(number, unit, &bytes) || bytes > INT64_MAX)
    return false;
  *ret_bytes = bytes;
  return true;
}

bool dc_value_choice(const char *text, const char *const *names, size_t *ret_index)
{
  for (size_t i = 0; names[i] != NULL; i++) {
    if (strcmp(text, names[i]) == 0) {
      *ret_index = i;
      return true;
    }
  }
  return false;
}
