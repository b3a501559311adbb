#include "log_json.h"

/* From so many digits on a number may not fit in 63 bits. */
#define DIGITS_MAX 18u

/* Quotes the long integers of a line. Inside of strings nothing is changed. */
static GString *quote_long_integers(DcText line)
{
  GString *out = g_string_sized_new(line.len + 32);
  bool in_string = false;
  for (size_t at = 0; at < line.len;) {
    const char c = line.at[at];
    if (in_string || !dc_text_is_digit(c)) {
      if (c == '"')
        in_string = !in_string;
      g_string_append_c(out, c);
      at++;
      if (c == '\\' && in_string && at < line.len)
        g_string_append_c(out, line.at[at++]);
      continue;
    }
    size_t end = at;
    while (end < line.len && dc_text_is_digit(line.at[end]))
      end++;
    /* A sign, a fraction or an exponent: no address. */
    const bool whole = (at == 0 || (line.at[at - 1] != '-' && line.at[at - 1] != '.')) &&
                       (end == line.len || (line.at[end] != '.' && line.at[end] != 'e' && line.at[end] != 'E'));
    const bool quote = whole && end - at > DIGITS_MAX;
    if (quote)
      g_string_append_c(out, '"');
    g_string_append_len(out, line.at + at, (gssize)(end - at));
    if (quote)
      g_string_append_c(out, '"');
    at = end;
  }
  return out;
}

static bool has_long_integer(DcText line)
{
  size_t run = 0;
  for (size_t at = 0; at < line.len; at++) {
    run = dc_text_is_digit(line.at[at]) ? run + 1 : 0;
    if (run > DIGITS_MAX)
      return true;
  }
  return false;
}

json_t *dc_json_line(DcText line)
{
  json_error_t error;
  if (!has_long_integer(line))
    return json_loadb(line.at, line.len, 0, &error);
  g_autoptr(GString) quoted = quote_long_integers(line);
  return json_loadb(quoted->str, quoted->len, 0, &error);
}

const json_t *dc_json_at(const json_t *value, const char *path)
{
  char key[32];
  while (value != NULL && *path != '\0') {
    const size_t len = strcspn(path, ".");
    if (len >= sizeof key)
      return NULL;
    memcpy(key, path, len);
    key[len] = '\0';
    value = json_object_get(value, key);
    path += len + (path[len] == '.');
  }
  return value;
}

DcText dc_json_text(const json_t *value, const char *path)
{
  const json_t *member = dc_json_at(value, path);
  if (!json_is_string(member))
    return (DcText){0};
  return dc_text(json_string_value(member), json_string_length(member));
}

bool dc_json_uint(const json_t *value, const char *path, uint64_t max, uint64_t *ret_value)
{
  const json_t *member = dc_json_at(value, path);
  if (json_is_string(member))
    return dc_text_whole_uint(dc_json_text(member, ""), max, ret_value);
  if (!json_is_integer(member) || json_integer_value(member) < 0 || (uint64_t)json_integer_value(member) > max)
    return false;
  *ret_value = (uint64_t)json_integer_value(member);
  return true;
}
