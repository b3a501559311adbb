/* The anonymizer's parts: anonymize.c (life, events), anonymize_file.c (mapping file), anonymize_learn.c,
 * anonymize_address.c, anonymize_packet.c and anonymize_transport.c, anonymize_text.c. */
#pragma once

#include "dropcorr/source/anonymize.h"

#include <nettle/aes.h>

#define DC_ANON_KEY_LEN 32
#define DC_ANON_PREFIXES_MAX 256
#define DC_ANON_NAMES_MAX 256

/* Distinct ones listed; more are mapped all the same, by the key alone. */
#define DC_ANON_LISTED_MAX 262144u

/* Crypto-PAn: key[0..15] is the AES key, key[16..31] enciphered is the pad. */
typedef struct {
  struct aes128_ctx aes;
  uint8_t pad[16];
  bool by_level; /* see dc_pan_map */
} DcPan;

void dc_pan_init(DcPan *pan, const uint8_t key[static DC_ANON_KEY_LEN]);

/* bits: of address, 32 or 128. kept: a bit for each that must stay as it is, in address order. */
void dc_pan_map(const DcPan *pan, const uint8_t *address, unsigned bits, const uint8_t *kept, uint8_t *ret_address);

/* A local network: its broadcast address must stay one. */
typedef struct {
  uint8_t net[4];
  uint8_t len;
  uint8_t mapped_broadcast[4]; /* before the exchange */
  uint8_t broadcast[4];        /* what it becomes: all ones behind the network's bits */
} DcAnonNetwork;

typedef enum { DC_ANON_HOST, DC_ANON_PROCESS, DC_ANON_TEXT, DC_ANON_KINDS } DcAnonKind;

struct DcAnonymizer {
  char *path;
  int fd; /* of the mapping file */
  uint8_t key[DC_ANON_KEY_LEN];
  DcPan pan;
  struct aes128_ctx mac_aes, scramble_aes;
  uint8_t name_key[DC_ANON_KEY_LEN];
  GArray *networks; /* DcAnonNetwork */
  GPtrArray *names; /* char*: host names to look for, longest first */
  bool frozen;      /* something was mapped: learning more would map it otherwise */

  GHashTable *addresses;                   /* DcAddr to DcAddr, both owned */
  GHashTable *macs;                        /* 6 bytes as int64 to int64 */
  GHashTable *mapped_names[DC_ANON_KINDS]; /* char* to char* */
  GPtrArray *earlier;                      /* char*: rows a mapping file brought */
  uint64_t unlisted;                       /* for which the list had no room */

  GByteArray *frame, *drop; /* bytes of the last one */
  GString *sample;
};

extern const char *const dc_anon_kind_names[DC_ANON_KINDS];

/* anonymize_file.c: opens or makes the mapping file, and takes or makes the key. */
bool dc_anon_open_file(DcAnonymizer *anonymizer, uid_t owner, gid_t group, GError **error);

/* anonymize_address.c. The map alone, without the list. */
DcAddr dc_anon_map_addr(const DcAnonymizer *anonymizer, const DcAddr *addr);
void dc_anon_map_mac(const DcAnonymizer *anonymizer, const uint8_t mac[6], uint8_t ret_mac[6]);
void dc_anon_add_network(DcAnonymizer *anonymizer, const DcAddr *addr, unsigned len);

/* Listed; the name is the anonymizer's. */
const char *dc_anon_name(DcAnonymizer *anonymizer, DcAnonKind kind, const char *text, size_t len);

/* anonymize_packet.c: rewrites a copy of a packet whose payload is cut already. original: all its bytes. checksum:
 * what was known of the transport's. */
void dc_anon_packet(DcAnonymizer *anonymizer, DcLink link, const uint8_t *original, uint32_t caplen, uint32_t len,
                    DcChecksum checksum, GByteArray *copy);

/* anonymize_text.c */
void dc_anon_sample(DcAnonymizer *anonymizer, const DcSample *sample, GString *out);
