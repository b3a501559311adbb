/*
 * connection: see connection.h.
 *
 * TCP_REPAIR (include/uapi/linux/tcp.h) opens a socket's queues to inspection; leaving it
 * with TCP_REPAIR_OFF_NO_WP sends no window probe, as plain "off" would.
 */
#include "connection.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static bool queue_end(int fd, int queue, uint32_t *ret_seq)
{
  return !setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) &&
         !getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, ret_seq, &(socklen_t){sizeof(*ret_seq)});
}

bool connection_numbers(int fd, ConnectionNumbers *ret_numbers)
{
  ConnectionNumbers n = {0};
  uint32_t write_seq = 0;
  int unacknowledged;

  if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){TCP_REPAIR_ON}, sizeof(int)))
    return false;
  bool read = queue_end(fd, TCP_SEND_QUEUE, &write_seq) && queue_end(fd, TCP_RECV_QUEUE, &n.rcv_nxt) &&
              !ioctl(fd, SIOCOUTQ, &unacknowledged) &&
              !getsockopt(fd, IPPROTO_TCP, TCP_TIMESTAMP, &n.tsval, &(socklen_t){sizeof(n.tsval)});
  if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){TCP_REPAIR_OFF_NO_WP}, sizeof(int)) || !read)
    return false;
  n.snd_una = write_seq - (uint32_t)unacknowledged;
  *ret_numbers = n;
  return true;
}
