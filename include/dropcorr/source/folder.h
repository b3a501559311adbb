/*
 * A set of files that is handed on as one thing: a snapshot, a bundle. It is a new folder, or a gzip-compressed
 * tar archive of one. Every file is written once, is readable by its owner alone (they tell much about a host and its
 * network), and has its checksum kept for SHA256SUMS.
 *
 * One owner thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct DcFolder DcFolder;

/* Makes the folder, or takes one that is empty. owner, group: who shall own it and its files, -1: leave.
 * Errors: NOT_FOUND (no such parent), PERMISSION, USAGE (is not empty, or no folder), IO. */
DcFolder *dc_folder_create(const char *path, uid_t owner, gid_t group, GError **error);

/* The same as an archive: all files lie in one folder in it, called as the file without ".tar.gz". What is there is
 * overwritten. An archive that is not finished is left empty. Errors: NOT_FOUND, PERMISSION, IO. */
DcFolder *dc_folder_create_archive(const char *path, uid_t owner, gid_t group, GError **error);

/* Whether a name is one of an archive: ".tar.gz", ".tgz". */
bool dc_folder_is_archive(const char *path);

/* One file. name: relative, of plain parts ("report.md", "context/netstat"); folders are made as needed. */
bool dc_folder_put(DcFolder *folder, const char *name, const void *bytes, size_t len, GError **error);

/* The same in two steps, for what is written over time: an open file (read and write), and its end, which
 * takes it over: nothing may be written afterwards. The descriptor belongs to the folder. -1 on errors. */
int dc_folder_begin(DcFolder *folder, const char *name, GError **error);
bool dc_folder_commit(DcFolder *folder, int fd, GError **error);

/* What is in it so far, in order. */
size_t dc_folder_count(const DcFolder *folder);
const char *dc_folder_name(const DcFolder *folder, size_t index);
const char *dc_folder_sha256(const DcFolder *folder, size_t index); /* 64 hex digits */
guint64 dc_folder_size(const DcFolder *folder, size_t index);

/* Writes SHA256SUMS, as sha256sum -c reads it, and ends: nothing can be put in any more. */
bool dc_folder_finish(DcFolder *folder, GError **error);

/* Not finished: what was written stays, without SHA256SUMS. */
void dc_folder_free(DcFolder *folder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcFolder, dc_folder_free)
