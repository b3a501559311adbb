/* How the objects of the sample list are read. Not for other modules. */
#pragma once

#include "dropcorr/source/sample_list.h"

#include <stdbool.h>

/* Each appends to buffer, or leaves it as it was and sets error. */

/* A whole file, cut to DC_SAMPLE_SIZE_MAX at a line's end. */
bool dc_sample_file(const char *path, GByteArray *buffer, GError **error);

/* The same into a small array, for files of one line; NUL-terminated, without the newline. False: no such file, or
 * not to be read. */
bool dc_sample_value(const char *path, char *value, size_t size);

void dc_sample_append(GByteArray *buffer, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* An error code for errno, the message "OBJECT: strerror". */
void dc_sample_error(GError **error, const char *object, int error_number);

/* sample_sysctl.c: "net.ipv4.tcp_syncookies = 1" */
bool dc_sample_sysctls(const char *root, GByteArray *buffer, GError **error);

/* sample_device.c */
bool dc_sample_statistics(const char *root, const char *device, GByteArray *buffer, GError **error);
bool dc_sample_ethtool_stats(const char *device, GByteArray *buffer, GError **error);
bool dc_sample_ethtool_ring(const char *device, GByteArray *buffer, GError **error);
bool dc_sample_ethtool_driver(const char *device, GByteArray *buffer, GError **error);
bool dc_sample_addresses(GByteArray *buffer, GError **error);

/* sample_host.c */
bool dc_sample_uname(GByteArray *buffer, GError **error);
bool dc_sample_kernel_log(GByteArray *buffer, GError **error);
bool dc_sample_command(const char *const *argv, GByteArray *buffer, GError **error);

/* sample_sockets.c: sock_diag in the form of `ss -tunlpm` */
bool dc_sample_sockets(GByteArray *buffer, GError **error);
