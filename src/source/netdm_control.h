/* NET_DM's control commands; shared by the drop monitor and the guard. One owner thread. */
#pragma once

#include <glib.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  struct nl_sock *sock;
  uint16_t family;
  uint32_t group; /* multicast group of the alerts */
} DcNetdmControl;

typedef struct {
  uint8_t alert_mode; /* 0 summary, 1 packet */
  uint32_t trunc_len, queue_len;
} DcNetdmConfig;

typedef struct {
  uint64_t software, hardware; /* tail drops since the module was loaded */
} DcNetdmStats;

/* Errors: UNSUPPORTED, IO. */
bool dc_netdm_control_open(DcNetdmControl *ret_control, GError **error);
void dc_netdm_control_close(DcNetdmControl *control);

/* The kernel's answer to each: 0 or a positive errno. */
int dc_netdm_get_config(DcNetdmControl *control, DcNetdmConfig *ret_config);
int dc_netdm_set_config(DcNetdmControl *control, const DcNetdmConfig *config);
int dc_netdm_get_stats(DcNetdmControl *control, DcNetdmStats *ret_stats);
int dc_netdm_start(DcNetdmControl *control, bool software, bool hardware);
int dc_netdm_stop(DcNetdmControl *control, bool software, bool hardware);

/* Who is a member of the alerts' group, "dropwatch (pid 812)" and so on; NULL: nobody. listeners: how many,
 * or -1 when that cannot be told. root: "" or a copy of /proc for tests. Caller frees. */
char *dc_netdm_holders(const char *root, uint32_t group, int *ret_listeners);
int dc_netdm_listeners(const char *root, uint32_t group); /* only how many */
