/* The files of a saved host, in a folder or an archive, as far as they are read: see context_layout.h for which. */
#pragma once

#include "context_layout.h"

#include <glib.h>

#define DC_CONTEXT_FILE_MAX (16u << 20)

typedef struct {
  char *file;   /* below the folder */
  char *object; /* without prefix */
  uint8_t rank, phase, preference;
  GBytes *text; /* NULL: to be read when its turn comes */
} DcContextFile;

typedef struct {
  GArray *files; /* DcContextFile, in the order they are given */
  uint64_t foreign, skipped;
} DcContextFiles;

void dc_context_files_init(DcContextFiles *files);
void dc_context_files_clear(DcContextFiles *files);

/* dir: stays the caller's. False with errno. */
bool dc_context_files_of_folder(DcContextFiles *files, int dir);

/* fd: of a tar archive, compressed or not; stays the caller's. Errors: FORMAT. */
bool dc_context_files_of_archive(DcContextFiles *files, int fd, const char *path, GError **error);

/* The first file whose path is wanted, of such an archive; NULL: none, larger than max, or no archive. */
GBytes *dc_context_archive_member(int fd, bool (*wanted)(const char *path), gsize max);

typedef enum { DC_FILE_READ, DC_FILE_NOT_REGULAR, DC_FILE_UNREADABLE } DcFileStatus;

/* Reads a file below dir whole, up to max bytes. Sizes are not asked for: files under /proc say 0. */
DcFileStatus dc_context_read_file(int dir, const char *file, uint32_t max, GByteArray *text);
