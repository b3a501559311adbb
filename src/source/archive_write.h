/*
 * A gzip-compressed tar archive of one folder, through libarchive. Private to folder.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct DcArchive DcArchive;

/* Takes fd, also when it fails. path: for messages. folder: what all names are put into. */
DcArchive *dc_archive_new(int fd, const char *path, const char *folder, GError **error);

/* A file of that size, read from fd from its beginning on; folders of its name are added as needed. */
bool dc_archive_add(DcArchive *archive, const char *name, int fd, guint64 size, GError **error);

bool dc_archive_add_bytes(DcArchive *archive, const char *name, const void *bytes, size_t len, GError **error);

bool dc_archive_finish(DcArchive *archive, GError **error);

/* Not finished: the file is emptied, so that nobody takes it for a whole one. */
void dc_archive_free(DcArchive *archive);
