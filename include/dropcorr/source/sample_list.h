/*
 * What a running host is asked, and how each answer is read: the objects of
 * dropcorr/decode/state_text.h as the kernel prints them, or written here in the form of the tool
 * that would print them (ethtool, ss, sysctl), so that one set of parsers reads live samples,
 * evidence files and --context directories.
 *
 * The table is const. The reading functions keep no state; any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
  DC_SAMPLE_NEEDS_NOTHING,
  DC_SAMPLE_NEEDS_SYSLOG, /* CAP_SYSLOG where kernel.dmesg_restrict is set */
  DC_SAMPLE_NEEDS_ADMIN,  /* CAP_NET_ADMIN */
  DC_SAMPLE_NEEDS_PTRACE  /* more to see with CAP_SYS_PTRACE (whose sockets); readable without */
} DcSampleNeeds;

typedef struct {
  const char *name;  /* the sample's name; of a per-device object the family: the sample is NAME_DEVICE */
  const char *path;  /* below root; %s stands for the device. NULL: asked of the kernel by other means */
  bool is_counters;  /* cheap, and worth reading each second; the others at start and end */
  bool per_device;   /* one sample per interface: dc_sample_read_device() */
  bool runs_command; /* starts a child process */
  DcSampleNeeds needs;
} DcSampleObject;

/* Most bytes of one sample; what is longer is cut at the end of a line. */
#define DC_SAMPLE_SIZE_MAX (4u << 20)

const DcSampleObject *dc_sample_objects(size_t *ret_count);
const DcSampleObject *dc_sample_object(const char *name); /* NULL: none of that name */

/*
 * Appends the object's text to buffer. root: "" for the running host; a directory with a copy of
 * /proc and /sys for tests (objects without path then answer DC_ERROR_UNSUPPORTED).
 * Errors: NOT_FOUND (the kernel or the host has no such thing: usual, say nothing), PERMISSION, IO,
 * UNSUPPORTED. On an error buffer is as it was.
 */
bool dc_sample_read(const DcSampleObject *object, const char *root, GByteArray *buffer, GError **error);
bool dc_sample_read_device(const DcSampleObject *object, const char *root, const char *device, GByteArray *buffer,
                           GError **error);

/* "sys_eth0"; device NULL for objects that have none. Caller frees. */
char *dc_sample_name(const DcSampleObject *object, const char *device);

/* Names of the host's interfaces, sorted, at most DC_SAMPLE_DEVICES_MAX. g_strfreev(). */
#define DC_SAMPLE_DEVICES_MAX 256
char **dc_sample_devices(const char *root, GError **error);
