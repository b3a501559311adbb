/*
 * The kernel's symbols, for turning return addresses into function names. Read once;
 * constant afterwards, any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char *name;   /* as in kallsyms, compiler suffix included; borrowed */
  const char *module; /* NULL: built in */
  uint32_t offset;    /* of the address in the function */
  uint32_t size;      /* to the next symbol; 0 unknown */
} DcKallsym;

typedef struct DcKallsyms DcKallsyms;

/* Reads path (/proc/kallsyms). Errors: PERMISSION when the kernel hides the addresses (all zero:
 * CAP_SYSLOG missing or kptr_restrict 2), NOT_FOUND, IO, FORMAT (no text symbol). */
DcKallsyms *dc_kallsyms_load(const char *path, GError **error);

/* Those that a saved host brings, a folder or an archive (see source/context_dir.h); NULL: none that can be read. */
DcKallsyms *dc_kallsyms_of_context(const char *path);

/* False when the address lies in no function. kallsyms may be NULL. */
bool dc_kallsyms_lookup(const DcKallsyms *kallsyms, uint64_t address, DcKallsym *ret_symbol);
size_t dc_kallsyms_count(const DcKallsyms *kallsyms);

void dc_kallsyms_free(DcKallsyms *kallsyms);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcKallsyms, dc_kallsyms_free)
