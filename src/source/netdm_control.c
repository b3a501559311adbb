/*
 * Control commands of the drop monitor, uapi linux/net_dropmon.h (Linux 3.10 to 6.18).
 *
 *   +-----------------+-----------------+------------------------+
 *   | struct nlmsghdr | struct genlmsghdr| attributes (nlattr)   |
 *   | type = family   | cmd, version 2   |                       |
 *   +-----------------+-----------------+------------------------+
 */
#include "netdm_control.h"

#include "dropcorr/base/error.h"

#include <errno.h>
#include <linux/net_dropmon.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAMILY_NAME "NET_DM"
#define GROUP_NAME "events"
#define GROUP_UNNAMED 1 /* kernels that register no name for it */
#define FAMILY_VERSION 2
#define HOLDERS_TEXT_MAX 200

static bool in_initial_namespace(void)
{
  struct stat self, init;
  return stat("/proc/self/ns/net", &self) != 0 || stat("/proc/1/ns/net", &init) != 0 || self.st_ino == init.st_ino;
}

bool dc_netdm_control_open(DcNetdmControl *ret_control, GError **error)
{
  DcNetdmControl control = {.sock = nl_socket_alloc()};
  if (control.sock == NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "drop monitor: out of memory for a netlink socket");
    return false;
  }
  int status = genl_connect(control.sock);
  if (status < 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "drop monitor: generic netlink: %s", nl_geterror(status));
    dc_netdm_control_close(&control);
    return false;
  }
  status = genl_ctrl_resolve(control.sock, FAMILY_NAME);
  if (status < 0) {
    if (status == -NLE_OBJ_NOTFOUND && !in_initial_namespace())
      g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED,
                  "drop monitor: NET_DM exists only in the initial network namespace");
    else if (status == -NLE_OBJ_NOTFOUND)
      g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED,
                  "drop monitor: this kernel has no NET_DM (modprobe drop_monitor, CONFIG_NET_DROP_MONITOR)");
    else
      g_set_error(error, DC_ERROR, DC_ERROR_IO, "drop monitor: looking up NET_DM: %s", nl_geterror(status));
    dc_netdm_control_close(&control);
    return false;
  }
  control.family = (uint16_t)status;
  status = genl_ctrl_resolve_grp(control.sock, FAMILY_NAME, GROUP_NAME);
  control.group = status > 0 ? (uint32_t)status : GROUP_UNNAMED;
  *ret_control = control;
  return true;
}

void dc_netdm_control_close(DcNetdmControl *control)
{
  if (control->sock != NULL)
    nl_socket_free(control->sock);
  control->sock = NULL;
}

/* --- one command, one answer ------------------------------------------------- */

typedef struct {
  int error; /* positive errno, 0 acknowledged, -1 no answer yet */
  int (*parse)(struct nlattr **attributes, void *data);
  void *data;
} Answer;

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *reply, void *data)
{
  (void)from;
  Answer *answer = data;
  answer->error = reply->error < 0 ? -reply->error : reply->error;
  return NL_STOP;
}

static int on_ack(struct nl_msg *message, void *data)
{
  (void)message;
  Answer *answer = data;
  answer->error = 0;
  return NL_STOP;
}

static int on_reply(struct nl_msg *message, void *data)
{
  Answer *answer = data;
  struct nlattr *attributes[NET_DM_ATTR_MAX + 1] = {NULL};
  if (answer->parse != NULL && genlmsg_parse(nlmsg_hdr(message), 0, attributes, NET_DM_ATTR_MAX, NULL) == 0)
    answer->parse(attributes, answer->data);
  return NL_OK;
}

/* Takes message. */
static int transact(DcNetdmControl *control, struct nl_msg *message, Answer *answer)
{
  answer->error = -1;
  struct nl_cb *callbacks = nl_cb_alloc(NL_CB_CUSTOM);
  if (message == NULL || callbacks == NULL) {
    nlmsg_free(message);
    if (callbacks != NULL)
      nl_cb_put(callbacks);
    return ENOMEM;
  }
  nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, answer);
  nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_ack, answer);
  nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_reply, answer);
  int status = nl_send_auto(control->sock, message);
  nlmsg_free(message);
  while (status >= 0 && answer->error < 0)
    status = nl_recvmsgs(control->sock, callbacks);
  nl_cb_put(callbacks);
  if (answer->error >= 0)
    return answer->error;
  return status == -NLE_PERM ? EPERM : EIO;
}

static struct nl_msg *command(const DcNetdmControl *control, uint8_t number)
{
  struct nl_msg *message = nlmsg_alloc();
  if (message != NULL && genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, control->family, 0, NLM_F_REQUEST | NLM_F_ACK,
                                     number, FAMILY_VERSION) == NULL) {
    nlmsg_free(message);
    return NULL;
  }
  return message;
}

static int parse_config(struct nlattr **attributes, void *data)
{
  DcNetdmConfig *config = data;
  if (attributes[NET_DM_ATTR_ALERT_MODE] != NULL)
    config->alert_mode = nla_get_u8(attributes[NET_DM_ATTR_ALERT_MODE]);
  if (attributes[NET_DM_ATTR_TRUNC_LEN] != NULL)
    config->trunc_len = nla_get_u32(attributes[NET_DM_ATTR_TRUNC_LEN]);
  if (attributes[NET_DM_ATTR_QUEUE_LEN] != NULL)
    config->queue_len = nla_get_u32(attributes[NET_DM_ATTR_QUEUE_LEN]);
  return 0;
}

int dc_netdm_get_config(DcNetdmControl *control, DcNetdmConfig *ret_config)
{
  DcNetdmConfig config = {0};
  Answer answer = {.parse = parse_config, .data = &config};
  const int error = transact(control, command(control, NET_DM_CMD_CONFIG_GET), &answer);
  if (error == 0)
    *ret_config = config;
  return error;
}

int dc_netdm_set_config(DcNetdmControl *control, const DcNetdmConfig *config)
{
  struct nl_msg *message = command(control, NET_DM_CMD_CONFIG);
  if (message == NULL)
    return ENOMEM;
  if (nla_put_u8(message, NET_DM_ATTR_ALERT_MODE, config->alert_mode) < 0 ||
      nla_put_u32(message, NET_DM_ATTR_TRUNC_LEN, config->trunc_len) < 0 ||
      nla_put_u32(message, NET_DM_ATTR_QUEUE_LEN, config->queue_len) < 0) {
    nlmsg_free(message);
    return ENOMEM;
  }
  Answer answer = {0};
  return transact(control, message, &answer);
}

/* The counter's own type is 0, which some versions of libnl's parser leave out: walked by hand. */
static uint64_t dropped(struct nlattr *nest)
{
  struct nlattr *inner;
  int rest;
  if (nest == NULL)
    return 0;
  nla_for_each_nested(inner, nest, rest)
  {
    if (nla_type(inner) == NET_DM_ATTR_STATS_DROPPED && nla_len(inner) >= (int)sizeof(uint64_t))
      return nla_get_u64(inner);
  }
  return 0;
}

static int parse_stats(struct nlattr **attributes, void *data)
{
  DcNetdmStats *stats = data;
  stats->software = dropped(attributes[NET_DM_ATTR_STATS]);
  stats->hardware = dropped(attributes[NET_DM_ATTR_HW_STATS]);
  return 0;
}

int dc_netdm_get_stats(DcNetdmControl *control, DcNetdmStats *ret_stats)
{
  DcNetdmStats stats = {0};
  Answer answer = {.parse = parse_stats, .data = &stats};
  const int error = transact(control, command(control, NET_DM_CMD_STATS_GET), &answer);
  if (error == 0)
    *ret_stats = stats;
  return error;
}

static int start_stop(DcNetdmControl *control, uint8_t number, bool software, bool hardware)
{
  struct nl_msg *message = command(control, number);
  if (message == NULL)
    return ENOMEM;
  /* Without either flag old and new kernels alike mean software drops; kernels before 5.4 know no flags. */
  if ((hardware && software && nla_put_flag(message, NET_DM_ATTR_SW_DROPS) < 0) ||
      (hardware && nla_put_flag(message, NET_DM_ATTR_HW_DROPS) < 0)) {
    nlmsg_free(message);
    return ENOMEM;
  }
  Answer answer = {0};
  return transact(control, message, &answer);
}

int dc_netdm_start(DcNetdmControl *control, bool software, bool hardware)
{
  return start_stop(control, NET_DM_CMD_START, software, hardware);
}

int dc_netdm_stop(DcNetdmControl *control, bool software, bool hardware)
{
  return start_stop(control, NET_DM_CMD_STOP, software, hardware);
}

/* --- who listens ------------------------------------------------------------- */

/* Name and pid of the process that holds the socket of that inode, or NULL. */
static char *process_of_socket(const char *root, unsigned long inode)
{
  g_autofree char *wanted = g_strdup_printf("socket:[%lu]", inode);
  g_autofree char *proc = g_strdup_printf("%s/proc", root);
  g_autoptr(GDir) processes = g_dir_open(proc, 0, NULL);
  const char *pid;
  while (processes != NULL && (pid = g_dir_read_name(processes)) != NULL) {
    if (!g_ascii_isdigit(*pid))
      continue;
    g_autofree char *fds_path = g_strdup_printf("%s/%s/fd", proc, pid);
    g_autoptr(GDir) fds = g_dir_open(fds_path, 0, NULL);
    const char *fd;
    while (fds != NULL && (fd = g_dir_read_name(fds)) != NULL) {
      g_autofree char *link = g_strdup_printf("%s/%s", fds_path, fd);
      char target[64];
      const ssize_t len = readlink(link, target, sizeof target - 1);
      if (len < 0)
        continue;
      target[len] = '\0';
      if (strcmp(target, wanted) != 0)
        continue;
      g_autofree char *comm_path = g_strdup_printf("%s/%s/comm", proc, pid);
      g_autofree char *comm = NULL;
      if (g_file_get_contents(comm_path, &comm, NULL, NULL))
        g_strstrip(comm);
      return g_strdup_printf("%s (pid %s)", comm != NULL ? comm : "process", pid);
    }
  }
  return NULL;
}

/*
 * /proc/net/netlink:
 *   sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
 *   0000000000000000 16  812        00000010 0        0        0     2        0        24512
 * Groups is the mask of the first 32 groups, in hex. Calls found for each member; -1: cannot be told.
 */
static int each_member(const char *root, uint32_t group, void (*found)(unsigned long inode, void *data), void *data)
{
  g_autofree char *path = g_strdup_printf("%s/proc/net/netlink", root);
  g_autofree char *text = NULL;
  if (group == 0 || group > 32 || !g_file_get_contents(path, &text, NULL, NULL))
    return -1;
  int members = 0;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    unsigned protocol, groups;
    unsigned long inode;
    /* The first column is a (hashed) pointer. */
    if (sscanf(*line, "%*s %u %*u %x %*d %*d %*d %*d %*u %lu", &protocol, &groups, &inode) != 3 ||
        protocol != NETLINK_GENERIC || (groups & 1u << (group - 1)) == 0)
      continue;
    members++;
    if (found != NULL)
      found(inode, data);
  }
  return members;
}

typedef struct {
  const char *root;
  GString *text;
} Holders;

static void add_holder(unsigned long inode, void *data)
{
  Holders *holders = data;
  if (holders->text->len >= HOLDERS_TEXT_MAX)
    return;
  g_autofree char *process = process_of_socket(holders->root, inode);
  g_string_append_printf(holders->text, "%s%s", holders->text->len > 0 ? ", " : "",
                         process != NULL ? process : "a process that cannot be seen from here");
}

char *dc_netdm_holders(const char *root, uint32_t group, int *ret_listeners)
{
  g_autoptr(GString) text = g_string_new(NULL);
  Holders holders = {.root = root, .text = text};
  *ret_listeners = each_member(root, group, add_holder, &holders);
  return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

int dc_netdm_listeners(const char *root, uint32_t group)
{
  return each_member(root, group, NULL, NULL);
}
