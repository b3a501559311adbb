#include "dropcorr/source/kallsyms.h"

#include "dropcorr/base/error.h"

#include <glib/gstdio.h>
#include <string.h>

static char *write_text(const char *text)
{
  char *path = NULL;
  const int fd = g_file_open_tmp("dropcorr-kallsyms-XXXXXX", &path, NULL);
  g_assert_cmpint(fd, >=, 0);
  g_close(fd, NULL);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  return path;
}

static DcKallsyms *load(const char *text, GError **error)
{
  g_autofree char *path = write_text(text);
  DcKallsyms *kallsyms = dc_kallsyms_load(path, error);
  g_unlink(path);
  return kallsyms;
}

/* Not in order of address; data symbols, aliases, a module, a suffix, CRLF and nonsense in between. */
static const char symbols[] = "ffffffff815f0110 T tcp_v4_rcv\n"
                              "ffffffff81000000 T _stext\n"
                              "ffffffff815ca400 t ip_rcv_finish_core.constprop.0\n"
                              "ffffffff82000000 D some_data\n"
                              "nonsense\n"
                              "\n"
                              "ffffffff815f0100 W alias_b\n"
                              "ffffffff815f1000 T tcp_v4_do_rcv\n"
                              "ffffffffc0a81000 t nft_do_chain\t[nf_tables]\r\n"
                              "ffffffffc0a81200 t nft_register\t[nf_tables]\n"
                              "0000000000000000 A absolute\n";

static void check(const DcKallsyms *kallsyms, uint64_t address, const char *name, uint32_t offset, uint32_t size,
                  const char *module)
{
  DcKallsym found;
  g_assert_true(dc_kallsyms_lookup(kallsyms, address, &found));
  g_assert_cmpstr(found.name, ==, name);
  g_assert_cmpuint(found.offset, ==, offset);
  g_assert_cmpuint(found.size, ==, size);
  g_assert_cmpstr(found.module, ==, module);
}

static void test_lookup(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcKallsyms) kallsyms = load(symbols, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(dc_kallsyms_count(kallsyms), ==, 7);
  check(kallsyms, 0xffffffff815f0110, "tcp_v4_rcv", 0, 0xef0, NULL);
  check(kallsyms, 0xffffffff815f0197, "tcp_v4_rcv", 0x87, 0xef0, NULL);
  check(kallsyms, 0xffffffff815f0fff, "tcp_v4_rcv", 0xeef, 0xef0, NULL);
  check(kallsyms, 0xffffffff815f1000, "tcp_v4_do_rcv", 0, 0, NULL); /* the next symbol is a module's, far away */
  check(kallsyms, 0xffffffff815ca47f, "ip_rcv_finish_core.constprop.0", 0x7f, 0x25d00, NULL);
  check(kallsyms, 0xffffffffc0a81180, "nft_do_chain", 0x180, 0x200, "nf_tables");
}

static void test_no_function(void)
{
  g_autoptr(DcKallsyms) kallsyms = load(symbols, NULL);
  DcKallsym found;
  g_assert_false(dc_kallsyms_lookup(kallsyms, 0, &found));
  g_assert_false(dc_kallsyms_lookup(kallsyms, 0xffffffff80ffffff, &found)); /* below the first */
  g_assert_false(dc_kallsyms_lookup(kallsyms, 0xffffffff82000000, &found)); /* data, far behind any function */
  g_assert_false(dc_kallsyms_lookup(kallsyms, UINT64_MAX, &found));
  g_assert_false(dc_kallsyms_lookup(NULL, 0xffffffff815f0110, &found));
}

/* Several names at one address: the kernel prints the first of them, and so do we, always the same. */
static void test_alias(void)
{
  g_autoptr(DcKallsyms) kallsyms = load("ffffffff81000100 T first\n"
                                        "ffffffff81000100 T second\n"
                                        "ffffffff81000200 T next\n",
                                        NULL);
  check(kallsyms, 0xffffffff81000110, "first", 0x10, 0x100, NULL);
}

/* A line without end is no symbol, nor is what is behind its beginning; names without end for one address are one. */
static void test_hostile(void)
{
  g_autoptr(GString) text = g_string_new("ffffffff81000000 T first\n");
  for (unsigned i = 0; i < 200000; i++)
    g_string_append(text, "ffffffff81000000 T again\n");
  g_string_append(text, "nonsense ");
  for (unsigned i = 0; i < 1000; i++)
    g_string_append(text, " ffffffff81000100 T inside");
  g_string_append(text, "\nffffffff81000200 T last\n");
  g_autoptr(GError) error = NULL;
  g_autoptr(DcKallsyms) kallsyms = load(text->str, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(dc_kallsyms_count(kallsyms), ==, 2);
  for (unsigned i = 0; i < 200000; i++)
    check(kallsyms, UINT64_C(0xffffffff81000110), "first", 0x110, 0x200, NULL);
  check(kallsyms, UINT64_C(0xffffffff81000201), "last", 1, 0, NULL);
}

static void test_hidden(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(load("0000000000000000 T tcp_v4_rcv\n0000000000000000 T ip_rcv\n", &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_PERMISSION);
}

static void test_refused(void)
{
  static const char *const texts[] = {"", "garbage\n", "ffffffff82000000 D data\n", "zz T x\n", "ffffffff82000000 T"};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(load(texts[i], &error));
    g_assert_error(error, DC_ERROR, DC_ERROR_FORMAT);
  }
  g_autoptr(GError) error = NULL;
  g_assert_null(dc_kallsyms_load("/nonexistent/kallsyms", &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/kallsyms/lookup", test_lookup);
  g_test_add_func("/kallsyms/no-function", test_no_function);
  g_test_add_func("/kallsyms/alias", test_alias);
  g_test_add_func("/kallsyms/hostile", test_hostile);
  g_test_add_func("/kallsyms/hidden", test_hidden);
  g_test_add_func("/kallsyms/refused", test_refused);
  return g_test_run();
}
