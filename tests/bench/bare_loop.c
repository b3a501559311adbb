/* bare_loop: reads a capture with libpcap and does nothing with it: what reading alone costs.
 * usage: bare_loop CAPTURE */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
  char text[PCAP_ERRBUF_SIZE];
  if (argc != 2) {
    fprintf(stderr, "usage: bare_loop CAPTURE\n");
    return 2;
  }
  pcap_t *pcap = pcap_open_offline_with_tstamp_precision(argv[1], PCAP_TSTAMP_PRECISION_NANO, text);
  if (pcap == NULL) {
    fprintf(stderr, "bare_loop: %s\n", text);
    return 1;
  }
  struct pcap_pkthdr *header;
  const u_char *bytes;
  uint64_t frames = 0;
  uint64_t total = 0;
  int status;
  while ((status = pcap_next_ex(pcap, &header, &bytes)) == 1) {
    frames++;
    total += header->len;
  }
  pcap_close(pcap);
  printf("%" PRIu64 " frames, %" PRIu64 " bytes\n", frames, total);
  return status == PCAP_ERROR_BREAK ? 0 : 1;
}
