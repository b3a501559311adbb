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

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/folder/files-and-sums", test_files_and_sums);
  g_test_add_func("/folder/only-the-owner-reads", test_only_the_owner_reads);
  g_test_add_func("/folder/written-over-time", test_written_over_time);
  g_test_add_func("/folder/what-is-there-stays", test_what_is_there_stays);
  g_test_add_func("/folder/no-way-out", test_no_way_out);
  return g_test_run();
}
