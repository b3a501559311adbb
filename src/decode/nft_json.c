/*
 * libnftables-json(5) back to nft(8)'s words:
 *
 *   {"nftables": [{"table": {"family": "inet", "name": "f"}},
 *     {"chain": {"family": "inet", "table": "f", "name": "in", "hook": "input", "prio": 0, "policy": "accept"}},
 *     {"set": {"family": "inet", "table": "f", "name": "s", "flags": ["interval"], "elem": ["10.0.0.1", ...]}},
 *     {"rule": {"family": "inet", "table": "f", "chain": "in", "handle": 4, "expr": [
 *       {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 8089}},
 *       {"counter": {"packets": 3, "bytes": 222}}, {"drop": null}]}}]}
 */
#include "dropcorr/decode/nft_json.h"

#include "dropcorr/base/hash.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX 12
#define TEXT_MAX (4u << 20)

static void put(GString *text, const json_t *value, unsigned depth);

static const char *string_of(const json_t *object, const char *key)
{
  const char *string = json_string_value(json_object_get(object, key));
  return string != NULL ? string : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
  return json_integer_value(json_object_get(object, key));
}

/* Words that would not be one word are put between quotes; quotes inside are left out. */
static void put_word(GString *text, const char *word)
{
  if (*word != '\0' &&
      strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@*+-") == strlen(word)) {
    g_string_append(text, word);
    return;
  }
  g_string_append_c(text, '"');
  for (; *word != '\0'; word++)
    if (*word != '"' && *word != '\n' && *word != '\\')
      g_string_append_c(text, *word);
  g_string_append_c(text, '"');
}

static void put_list(GString *text, const json_t *list, const char *apart, unsigned depth)
{
  for (size_t i = 0; i < json_array_size(list) && text->len < TEXT_MAX; i++) {
    g_string_append(text, i > 0 ? apart : "");
    put(text, json_array_get(list, i), depth + 1);
  }
}

/* {"drop": null}, {"jump": {"target": "web"}}: true when it is a verdict. */
static bool put_verdict(GString *text, const json_t *value)
{
  static const char *const plain[] = {"accept", "drop", "continue", "return", "queue"};
  for (size_t i = 0; i < G_N_ELEMENTS(plain); i++) {
    if (json_object_get(value, plain[i]) != NULL) {
      g_string_append(text, plain[i]);
      return true;
    }
  }
  static const char *const going[] = {"jump", "goto"};
  for (size_t i = 0; i < G_N_ELEMENTS(going); i++) {
    const json_t *target = json_object_get(value, going[i]);
    if (target != NULL) {
      g_string_append_printf(text, "%s ", going[i]);
      put_word(text, string_of(target, "target"));
      return true;
    }
  }
  return false;
}

/* Elements of a set; of a map pairs. */
static void put_elements(GString *text, const json_t *elements, unsigned depth)
{
  g_string_append(text, "{ ");
  for (size_t i = 0; i < json_array_size(elements) && text->len < TEXT_MAX; i++) {
    const json_t *element = json_array_get(elements, i);
    g_string_append(text, i > 0 ? ", " : "");
    if (json_array_size(element) == 2) {
      put(text, json_array_get(element, 0), depth + 1);
      g_string_append(text, " : ");
      put(text, json_array_get(element, 1), depth + 1);
    } else {
      put(text, element, depth + 1);
    }
  }
  g_string_append(text, " }");
}

static void put_meta(GString *text, const char *key)
{
  static const char *const bare[] = {"iif", "iifname", "oif", "oifname"};
  for (size_t i = 0; i < G_N_ELEMENTS(bare); i++) {
    if (strcmp(bare[i], key) == 0) {
      g_string_append(text, key);
      return;
    }
  }
  g_string_append(text, "meta ");
  put_word(text, key);
}

/* [a, b] of an operator; flags stand between brackets, however they are nested. */
static void put_binary(GString *text, const json_t *sides, const char *operator, unsigned depth)
{
  if (strcmp(operator, "&") == 0) {
    put(text, json_array_get(sides, 0), depth + 1);
    g_string_append(text, " & ");
    const json_t *right = json_array_get(sides, 1);
    if (json_is_array(right)) {
      g_string_append_c(text, '(');
      put_list(text, right, " | ", depth);
      g_string_append_c(text, ')');
    } else {
      put(text, right, depth + 1);
    }
    return;
  }
  GString *inner = g_string_new(NULL);
  put_list(inner, sides, " | ", depth);
  for (char *at = inner->str; *at != '\0'; at++)
    if (*at == '(' || *at == ')')
      *at = ' ';
  g_strstrip(inner->str);
  g_string_append_printf(text, "(%s)", inner->str);
  g_string_free(inner, TRUE);
}

static void put_object(GString *text, const json_t *value, unsigned depth)
{
  const char *kind = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)value));
  const json_t *body = kind != NULL ? json_object_get(value, kind) : NULL;
  if (kind == NULL || put_verdict(text, value))
    return;
  if (strcmp(kind, "payload") == 0 && json_object_get(body, "protocol") != NULL) {
    g_string_append_printf(text, "%s %s", string_of(body, "protocol"), string_of(body, "field"));
  } else if (strcmp(kind, "meta") == 0) {
    put_meta(text, string_of(body, "key"));
  } else if (strcmp(kind, "ct") == 0) {
    const char *dir = string_of(body, "dir");
    g_string_append_printf(text, "ct %s%s%s", dir, *dir != '\0' ? " " : "", string_of(body, "key"));
  } else if (strcmp(kind, "prefix") == 0) {
    put(text, json_object_get(body, "addr"), depth + 1);
    g_string_append_printf(text, "/%" JSON_INTEGER_FORMAT, number_of(body, "len"));
  } else if (strcmp(kind, "range") == 0) {
    put_list(text, body, "-", depth);
  } else if (strcmp(kind, "set") == 0) {
    put_elements(text, body, depth);
  } else if (strcmp(kind, "concat") == 0) {
    put_list(text, body, " . ", depth);
  } else if (strcmp(kind, "elem") == 0) {
    put(text, json_object_get(body, "val"), depth + 1);
  } else if (strcmp(kind, "&") == 0 || strcmp(kind, "|") == 0) {
    put_binary(text, body, kind, depth);
  } else {
    put_word(text, kind);
  }
}

static void put(GString *text, const json_t *value, unsigned depth)
{
  if (depth > DEPTH_MAX || text->len >= TEXT_MAX)
    g_string_append_c(text, '?');
  else if (json_is_string(value))
    put_word(text, json_string_value(value));
  else if (json_is_integer(value))
    g_string_append_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  else if (json_is_boolean(value))
    g_string_append(text, json_is_true(value) ? "exists" : "missing");
  else if (json_is_array(value))
    put_list(text, value, ",", depth);
  else
    put_object(text, value, depth);
}

/* --- statements ------------------------------------------------------------------------------ */

static bool is_tcp_flags(const json_t *left)
{
  const json_t *payload = json_object_get(left, "payload");
  return strcmp(string_of(payload, "protocol"), "tcp") == 0 && strcmp(string_of(payload, "field"), "flags") == 0;
}

static void put_match(GString *text, const json_t *match)
{
  const json_t *left = json_object_get(match, "left");
  const char *operator= string_of(match, "op");
  put(text, left, 0);
  /* "tcp flags syn" is one of them set, "== syn" all the others clear. */
  const bool masked = json_object_get(left, "&") != NULL;
  if (strcmp(operator, "in") != 0 && (strcmp(operator, "==") != 0 || is_tcp_flags(left) || masked))
    g_string_append_printf(text, " %s", operator);
  g_string_append_c(text, ' ');
  put(text, json_object_get(match, "right"), 0);
}

static void put_limit(GString *text, const json_t *limit)
{
  g_string_append_printf(text, "limit rate %s%" JSON_INTEGER_FORMAT "%s%s/%s",
                         json_is_true(json_object_get(limit, "inv")) ? "over " : "", number_of(limit, "rate"),
                         json_object_get(limit, "rate_unit") != NULL ? " " : "", string_of(limit, "rate_unit"),
                         string_of(limit, "per"));
}

static void put_statement(GString *text, const json_t *statement)
{
  const char *kind = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)statement));
  const json_t *body = kind != NULL ? json_object_get(statement, kind) : NULL;
  if (kind == NULL)
    return;
  g_string_append_c(text, ' ');
  if (put_verdict(text, statement))
    return;
  if (strcmp(kind, "match") == 0) {
    put_match(text, body);
  } else if (strcmp(kind, "counter") == 0 && json_is_object(body)) {
    g_string_append_printf(text, "counter packets %" JSON_INTEGER_FORMAT " bytes %" JSON_INTEGER_FORMAT,
                           number_of(body, "packets"), number_of(body, "bytes"));
  } else if (strcmp(kind, "counter") == 0) {
    g_string_append_printf(text, "counter name \"%s\"", json_string_value(body) != NULL ? json_string_value(body) : "");
  } else if (strcmp(kind, "vmap") == 0) {
    put(text, json_object_get(body, "key"), 0);
    g_string_append(text, " vmap ");
    put(text, json_object_get(body, "data"), 0);
  } else if (strcmp(kind, "limit") == 0 && json_is_object(body)) {
    put_limit(text, body);
  } else if (strcmp(kind, "mangle") == 0) {
    put(text, json_object_get(body, "key"), 0);
    g_string_append(text, " set ");
    put(text, json_object_get(body, "value"), 0);
  } else { /* reject, log, dnat, masquerade: the word is enough */
    put_word(text, kind);
  }
}

/* --- objects ---------------------------------------------------------------------------------- */

/* What a table holds, as it is printed. */
typedef struct {
  GString *sets;
  GPtrArray *chains; /* GString*, in their order */
} Table;

static void string_free(gpointer string)
{
  g_string_free(string, TRUE);
}

static void table_free(gpointer data)
{
  Table *table = data;
  g_string_free(table->sets, TRUE);
  g_ptr_array_unref(table->chains);
  g_free(table);
}

typedef struct {
  GHashTable *tables; /* "inet f" -> Table */
  GHashTable *chains; /* "inet f/in" -> GString of its table */
  GPtrArray *names;   /* of tables, in their order */
} Listing;

static Table *table_of(Listing *listing, const json_t *object, const char *name_key)
{
  g_autofree char *name = g_strdup_printf("%s %s", string_of(object, "family"), string_of(object, name_key));
  Table *table = g_hash_table_lookup(listing->tables, name);
  if (table == NULL) {
    table = g_new(Table, 1);
    table->sets = g_string_new(NULL);
    table->chains = g_ptr_array_new_with_free_func(string_free);
    g_ptr_array_add(listing->names, g_strdup(name));
    g_hash_table_insert(listing->tables, g_steal_pointer(&name), table);
  }
  return table;
}

static GString *chain_of(Listing *listing, const json_t *object, const char *name_key)
{
  g_autofree char *name =
      g_strdup_printf("%s %s/%s", string_of(object, "family"), string_of(object, "table"), string_of(object, name_key));
  GString *chain = g_hash_table_lookup(listing->chains, name);
  if (chain == NULL) {
    chain = g_string_new(NULL);
    g_string_append(chain, "\tchain ");
    put_word(chain, string_of(object, name_key));
    g_string_append(chain, " {\n");
    g_ptr_array_add(table_of(listing, object, "table")->chains, chain);
    g_hash_table_insert(listing->chains, g_steal_pointer(&name), chain);
  }
  return chain;
}

static void take_chain(Listing *listing, const json_t *object)
{
  GString *chain = chain_of(listing, object, "name");
  const json_t *device = json_object_get(object, "dev");
  if (json_object_get(object, "hook") == NULL)
    return;
  g_string_append_printf(chain, "\t\ttype %s hook %s ", string_of(object, "type"), string_of(object, "hook"));
  if (device != NULL) {
    g_string_append(chain, json_is_array(device) ? "devices = { " : "device ");
    put(chain, device, 0);
    g_string_append(chain, json_is_array(device) ? " } " : " ");
  }
  g_string_append_printf(chain, "priority %" JSON_INTEGER_FORMAT "; policy %s;\n", number_of(object, "prio"),
                         json_object_get(object, "policy") != NULL ? string_of(object, "policy") : "accept");
}

static void take_set(Listing *listing, const json_t *object, const char *kind)
{
  GString *text = table_of(listing, object, "table")->sets;
  const json_t *elements = json_object_get(object, "elem");
  g_string_append_printf(text, "\t%s ", kind);
  put_word(text, string_of(object, "name"));
  g_string_append(text, " {\n\t\tflags ");
  put(text, json_object_get(object, "flags"), 0);
  if (json_object_get(object, "timeout") != NULL)
    g_string_append(text, ",timeout");
  if (json_array_size(elements) > 0) {
    g_string_append(text, "\n\t\telements = ");
    put_elements(text, elements, 0);
  }
  g_string_append(text, "\n\t}\n");
}

static void take_rule(Listing *listing, const json_t *object)
{
  GString *chain = chain_of(listing, object, "chain");
  const json_t *expressions = json_object_get(object, "expr");
  g_string_append(chain, "\t\t");
  const gsize begin = chain->len;
  for (size_t i = 0; i < json_array_size(expressions) && chain->len < TEXT_MAX; i++)
    put_statement(chain, json_array_get(expressions, i));
  if (chain->len > begin)
    g_string_erase(chain, (gssize)begin, 1); /* the blank before the first */
  const char *comment = string_of(object, "comment");
  if (*comment != '\0') {
    g_string_append(chain, " comment \"");
    for (; *comment != '\0'; comment++)
      g_string_append_c(chain, *comment == '"' || *comment == '\n' ? ' ' : *comment);
    g_string_append_c(chain, '"');
  }
  g_string_append_printf(chain, " # handle %" JSON_INTEGER_FORMAT "\n", number_of(object, "handle"));
}

static void take_object(Listing *listing, const json_t *object)
{
  const json_t *table = json_object_get(object, "table");
  const json_t *chain = json_object_get(object, "chain");
  const json_t *set = json_object_get(object, "set"), *map = json_object_get(object, "map");
  const json_t *rule = json_object_get(object, "rule");
  if (table != NULL)
    table_of(listing, table, "name");
  else if (chain != NULL)
    take_chain(listing, chain);
  else if (set != NULL || map != NULL)
    take_set(listing, set != NULL ? set : map, set != NULL ? "set" : "map");
  else if (rule != NULL)
    take_rule(listing, rule);
}

char *dc_nft_json_to_text(const char *json, size_t len)
{
  json_error_t error;
  json_t *root = json_loadb(json, len, JSON_DISABLE_EOF_CHECK, &error);
  const json_t *objects = json_object_get(root, "nftables");
  if (!json_is_array(objects)) {
    json_decref(root);
    return NULL;
  }
  Listing listing = {.tables = g_hash_table_new_full(dc_hash_text, g_str_equal, g_free, table_free),
                     .chains = g_hash_table_new_full(dc_hash_text, g_str_equal, g_free, NULL),
                     .names = g_ptr_array_new_with_free_func(g_free)};
  for (size_t i = 0; i < json_array_size(objects); i++)
    take_object(&listing, json_array_get(objects, i));
  json_decref(root);
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < listing.names->len; i++) {
    const char *name = g_ptr_array_index(listing.names, i);
    const Table *table = g_hash_table_lookup(listing.tables, name);
    g_string_append_printf(text, "table %s {\n%s", name, table->sets->str);
    for (guint k = 0; k < table->chains->len; k++)
      g_string_append_printf(text, "%s\t}\n", ((const GString *)g_ptr_array_index(table->chains, k))->str);
    g_string_append(text, "}\n");
  }
  g_hash_table_unref(listing.chains);
  g_hash_table_unref(listing.tables);
  g_ptr_array_unref(listing.names);
  return g_string_free(text, FALSE);
}
