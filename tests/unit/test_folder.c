/* Folders that are handed on: who may read them, what may be written, and that their sums are right. */
#include "dropcorr/source/folder.h"

#include "dropcorr/base/error.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY ((uid_t)-1), ((gid_t)-1)

typedef struct {
  char *base;
  char *path; /* a name in it that does not exist yet */
} Place;

static Place place_new(void)
{
  Place place = {.base = scratch_new()};
  place.path = g_build_filename(place.base, "new", NULL);
  return place;
}

static void place_clear(Place *place)
{
  scratch_remove(place->base);
  g_free(place->base);
  g_free(place->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static char *read_back(const Place *place, const char *name)
{
  g_autofree char *path = g_build_filename(place->path, name, NULL);
  g_autoptr(GError) error = NULL;
  char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, &error));
  g_assert_no_error(error);
  return text;
}

static mode_t mode_of(const Place *place, const char *name)
{
  g_autofree char *path = g_build_filename(place->path, name, NULL);
  struct stat status;
  g_assert_cmpint(lstat(path, &status), ==, 0);
  return status.st_mode & 07777;
}

static void test_files_and_sums(void)
{
  g_auto(Place) place = place_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(DcFolder) folder = dc_folder_create(place.path, NOBODY, &error);
  g_assert_no_error(error);
  g_assert_true(dc_folder_put(folder, "empty", "", 0, &error));
  g_assert_true(dc_folder_put(folder, "context/abc", "abc", 3, &error));
  g_assert_true(dc_folder_put(folder, "sys_a\\b", "x", 1, &error)); /* a device may be called so */
  g_assert_no_error(error);
  g_assert_cmpuint(dc_folder_count(folder), ==, 3);
  g_assert_cmpstr(dc_folder_name(folder, 1), ==, "context/abc");
  g_assert_cmpuint(dc_folder_size(folder, 1), ==, 3);
  /* FIPS 180-4's own examples */
  g_assert_cmpstr(dc_folder_sha256(folder, 0), ==, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  g_assert_cmpstr(dc_folder_sha256(folder, 1), ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  g_assert_true(dc_folder_finish(folder, &error));
  g_assert_no_error(error);
  g_autofree char *abc = read_back(&place, "context/abc");
  g_assert_cmpstr(abc, ==, "abc");
  g_autofree char *sums = read_back(&place, "SHA256SUMS");
  g_assert_nonnull(strstr(sums, "\nba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  context/abc\n"));
  g_assert_nonnull(strstr(sums, "\n\\2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  sys_a\\\\b\n"));
}

static void test_only_the_owner_reads(void)
{
  const mode_t mask = umask(0);
  g_auto(Place) place = place_new();
  g_autoptr(DcFolder) folder = dc_folder_create(place.path, NOBODY, NULL);
  g_assert_true(dc_folder_put(folder, "context/secret", "x", 1, NULL));
  g_assert_cmpuint(mode_of(&place, "."), ==, 0700);
  g_assert_cmpuint(mode_of(&place, "context"), ==, 0700);
  g_assert_cmpuint(mode_of(&place, "context/secret"), ==, 0600);
  umask(mask);
}

static void test_written_over_time(void)
{
  g_auto(Place) place = place_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(DcFolder) folder = dc_folder_create(place.path, NOBODY, &error);
  const int first = dc_folder_begin(folder, "first", &error);
  const int second = dc_folder_begin(folder, "second", &error);
  g_assert_cmpint(first, >=, 0);
  g_assert_cmpint(second, >=, 0);
  g_assert_cmpint(write(first, "aXc", 3), ==, 3);
  g_assert_cmpint(write(second, "two", 3), ==, 3);
  g_assert_cmpint(pwrite(first, "b", 1, 1), ==, 1); /* what was written may be corrected */
  g_assert_true(dc_folder_commit(folder, first, &error));
  g_assert_true(dc_folder_commit(folder, second, &error));
  g_assert_no_error(error);
  g_assert_cmpstr(dc_folder_sha256(folder, 0), ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  g_assert_cmpint(fcntl(first, F_GETFD), ==, -1); /* taken over */
}

static void must_refuse(const char *path, int code, const char *word)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(dc_folder_create(path, NOBODY, &error));
  g_assert_error(error, DC_ERROR, code);
  g_assert_nonnull(strstr(error->message, path));
  g_assert_nonnull(strstr(error->message, word));
}

static void test_what_is_there_stays(void)
{
  g_auto(Place) place = place_new();
  g_assert_cmpint(g_mkdir(place.path, 0755), ==, 0);
  g_autoptr(DcFolder) empty = dc_folder_create(place.path, NOBODY, NULL);
  g_assert_nonnull(empty);
  g_assert_cmpuint(mode_of(&place, "."), ==, 0755); /* somebody's own choice */
  g_assert_true(dc_folder_put(empty, "mine", "x", 1, NULL));
  must_refuse(place.path, DC_ERROR_USAGE, "not empty");
  g_autofree char *file = g_build_filename(place.path, "mine", NULL);
  must_refuse(file, DC_ERROR_USAGE, "not a folder");
  g_autofree char *nowhere = g_build_filename(place.path, "no", "such", NULL);
  must_refuse(nowhere, DC_ERROR_NOT_FOUND, "No such file");

  g_autoptr(GError) error = NULL;
  g_assert_false(dc_folder_put(empty, "mine", "y", 1, &error)); /* each name once */
  g_assert_error(error, DC_ERROR, DC_ERROR_IO);
  g_autofree char *mine = read_back(&place, "mine");
  g_assert_cmpstr(mine, ==, "x");
}

static void test_no_way_out(void)
{
  g_auto(Place) place = place_new();
  g_autoptr(DcFolder) folder = dc_folder_create(place.path, NOBODY, NULL);
  static const char *const names[] = {"../escaped", "/tmp/dropcorr-escaped", "a/../../escaped", "..", ".", "", "a//b"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(dc_folder_put(folder, names[i], "x", 1, &error));
    g_assert_error(error, DC_ERROR, DC_ERROR_IO);
  }
  g_autofree char *outside = g_build_filename(place.base, "x", NULL);
  g_autofree char *target = g_build_filename(place.path, "x", NULL);
  g_assert_cmpint(symlink(outside, target), ==, 0);
  g_assert_false(dc_folder_put(folder, "x", "x", 1, NULL));
  g_assert_false(g_file_test(outside, G_FILE_TEST_EXISTS));
  g_assert_cmpuint(dc_folder_count(folder), ==, 0);
}

/* --- archives ------------------------------------------------------------------------------ */

static void unpack(const Place *place, const char *archive)
{
  g_autofree char *quoted = g_shell_quote(place->base);
  g_autofree char *command = g_strdup_printf("tar -C %s -xzpf %s", quoted, archive);
  g_autofree char *text = NULL;
  int status = 0;
  g_assert_true(g_spawn_command_line_sync(command, NULL, &text, &status, NULL));
  if (status != 0)
    g_error("%s: %s", command, text);
}

static void test_archive(void)
{
  const mode_t mask = umask(0);
  g_auto(Place) place = place_new();
  g_autofree char *path = g_strconcat(place.path, ".tar.gz", NULL);
  g_assert_true(dc_folder_is_archive(path));
  g_assert_true(dc_folder_is_archive("x.tgz"));
  g_assert_false(dc_folder_is_archive("x.tar.gz.d"));
  g_assert_true(g_file_set_contents(path, "of last time", -1, NULL));
  g_autoptr(GError) error = NULL;
  g_autoptr(DcFolder) folder = dc_folder_create_archive(path, NOBODY, &error);
  g_assert_no_error(error);
  const int slow = dc_folder_begin(folder, "slow", &error);
  g_assert_cmpint(write(slow, "sl", 2), ==, 2);
  g_autofree char *large = g_strnfill(3000000, 'x');
  g_assert_true(dc_folder_put(folder, "context/large", large, 3000000, &error));
  g_autofree char *name = g_strdup_printf("context/%0250d", 7); /* longer than ustar takes */
  g_assert_true(dc_folder_put(folder, name, "abc", 3, &error));
  g_assert_false(dc_folder_put(folder, name, "abc", 3, NULL));
  g_assert_false(dc_folder_put(folder, "../out", "abc", 3, NULL));
  g_assert_cmpint(write(slow, "ow", 2), ==, 2);
  g_assert_true(dc_folder_commit(folder, slow, &error));
  g_assert_true(dc_folder_finish(folder, &error));
  g_assert_no_error(error);
  umask(mask);

  struct stat status;
  g_assert_cmpint(stat(path, &status), ==, 0);
  g_assert_cmpuint(status.st_mode & 07777, ==, 0600);
  g_assert_cmpint(status.st_size, <, 100000);
  unpack(&place, path);
  g_autofree char *got = read_back(&place, "slow");
  g_assert_cmpstr(got, ==, "slow");
  g_autofree char *got_large = read_back(&place, "context/large");
  g_assert_cmpstr(got_large, ==, large);
  g_autofree char *got_long = read_back(&place, name);
  g_assert_cmpstr(got_long, ==, "abc");
  g_assert_cmpuint(mode_of(&place, "context"), ==, 0700);
  g_assert_cmpuint(mode_of(&place, "context/large"), ==, 0600);
  g_autofree char *sums = read_back(&place, "SHA256SUMS");
  g_assert_nonnull(strstr(sums, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  context/000"));
}

static void test_half_an_archive(void)
{
  g_auto(Place) place = place_new();
  g_autofree char *path = g_strconcat(place.path, ".tgz", NULL);
  DcFolder *folder = dc_folder_create_archive(path, NOBODY, NULL);
  for (int i = 0; i < 100; i++) {
    g_autofree char *name = g_strdup_printf("%d", i);
    g_autofree char *text = g_strnfill(100000, (char)('a' + i % 26));
    g_assert_true(dc_folder_put(folder, name, text, 100000, NULL));
  }
  dc_folder_free(folder);
  struct stat status;
  g_assert_cmpint(stat(path, &status), ==, 0);
  g_assert_cmpint(status.st_size, ==, 0);
}

static void test_no_room(void)
{
  if (!g_file_test("/dev/full", G_FILE_TEST_EXISTS)) {
    g_test_skip("no /dev/full");
    return;
  }
  g_auto(Place) place = place_new();
  g_autofree char *path = g_strconcat(place.path, ".tar.gz", NULL);
  g_assert_cmpint(symlink("/dev/full", path), ==, 0);
  struct stat before;
  g_assert_cmpint(stat("/dev/full", &before), ==, 0);
  g_autoptr(GError) error = NULL;
  g_autoptr(DcFolder) folder = dc_folder_create_archive(path, NOBODY, &error);
  g_assert_no_error(error);
  bool ok = true;
  for (int i = 0; ok && i < 100; i++) {
    guchar noise[65536];
    for (size_t j = 0; j < sizeof noise; j++)
      noise[j] = (guchar)g_test_rand_int();
    g_autofree char *name = g_strdup_printf("%d", i);
    ok = dc_folder_put(folder, name, noise, sizeof noise, &error);
  }
  g_assert_false(ok && dc_folder_finish(folder, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_IO);
  g_assert_true(g_str_has_prefix(error->message, path));
  struct stat after;
  g_assert_cmpint(stat("/dev/full", &after), ==, 0);
  g_assert_cmpuint(after.st_mode, ==, before.st_mode); /* a device keeps its own */
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/folder/files-and-sums", test_files_and_sums);
  g_test_add_func("/folder/only-the-owner-reads", test_only_the_owner_reads);
  g_test_add_func("/folder/written-over-time", test_written_over_time);
  g_test_add_func("/folder/what-is-there-stays", test_what_is_there_stays);
  g_test_add_func("/folder/no-way-out", test_no_way_out);
  g_test_add_func("/folder/archive", test_archive);
  g_test_add_func("/folder/half-an-archive", test_half_an_archive);
  g_test_add_func("/folder/no-room", test_no_room);
  return g_test_run();
}
