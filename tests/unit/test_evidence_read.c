/* Evidence files: what the writer wrote, the reader gives back, event for event; and what is not ours it passes over.
 */
#include "dropcorr/source/evidence_read.h"

#include "capture_checks.h"
#include "dropcorr/source/evidence_write.h"

#include <glib/gstdio.h>

#define EVENTS 300
#define BODY_MAX 200

typedef struct {
  DcEvent event;
  uint8_t body[BODY_MAX];
} TestEvent;

static const char *pick(const char *a, const char *b)
{
  return g_test_rand_int_range(0, 3) == 0 ? NULL : g_test_rand_bit() ? a : b;
}

static size_t random_body(TestEvent *test)
{
  size_t len = (size_t)g_test_rand_int_range(1, BODY_MAX);
  for (size_t i = 0; i < len; i++)
    test->body[i] = (uint8_t)g_test_rand_int();
  return len;
}

static void random_drop(TestEvent *test, uint64_t number, int64_t time_ns)
{
  DcDrop *drop = &test->event.drop;
  drop->number = number;
  drop->time_ns = time_ns;
  drop->precision_ns = g_test_rand_bit() ? 0 : DC_NS_PER_S;
  drop->kind = (uint8_t)g_test_rand_int_range(0, DC_DROP_TEXT + 1);
  drop->pc = g_test_rand_bit() ? 0 : UINT64_C(0xffffffff81000000) + (uint32_t)g_test_rand_int();
  drop->symbol = pick("nft_do_chain", "tcp_v4_rcv");
  drop->offset = drop->symbol != NULL ? 0x47f : 0;
  drop->size = drop->symbol != NULL ? 0x5e0 : 0;
  drop->module = pick("nf_tables", "bridge");
  drop->location = pick("nft_do_chain+0x47f/0x5e0 [nf_tables]", "location = with = signs");
  drop->reason = pick("NETFILTER_DROP", "NO_SOCKET");
  drop->protocol = g_test_rand_bit() ? -1 : 0x0800;
  drop->in_ifindex = (uint32_t)g_test_rand_int_range(0, 3);
  drop->in_ifname = pick("eth0", "eth1");
  drop->trap_group = pick("l2_drops", "l3_drops");
  drop->trap_name = pick("ttl_value_is_too_small", "blackhole_route");
  drop->skb = g_test_rand_bit() ? 0 : UINT64_C(0xffff88803dd83a00);
  drop->count = (uint64_t)g_test_rand_int_range(1, 100000);
  if (g_test_rand_bit()) {
    drop->rx_time_ns = time_ns - 5;
    drop->rx_wait_ns = g_test_rand_bit() ? 0 : 1234;
    drop->rx_passed_ns = g_test_rand_bit() ? 0 : 5678;
    drop->rx_len = 60;
    drop->rx_ifname = pick("eth0", "eth1");
  }
  if (g_test_rand_bit()) {
    drop->caplen = (uint32_t)random_body(test);
    drop->orig_len = drop->caplen + (uint32_t)g_test_rand_int_range(0, 2) * 1000;
    drop->bytes = test->body;
    drop->link = g_test_rand_bit() ? DC_LINK_ETHERNET : DC_LINK_RAW;
  }
}

/* Times grow, as they do in a run; text and bytes are anything. */
static void random_events(TestEvent *tests)
{
  int64_t time_ns = BASE_NS;
  uint64_t frames = 0, drops = 0;
  for (size_t i = 0; i < EVENTS; i++) {
    TestEvent *test = &tests[i];
    memset(test, 0, sizeof *test);
    time_ns += g_test_rand_int_range(0, 1000000);
    test->event.kind = (uint8_t)g_test_rand_int_range(0, 4);
    test->event.time_ns = time_ns;
    switch ((DcEventKind)test->event.kind) {
    case DC_EVENT_FRAME: {
      uint32_t caplen = (uint32_t)random_body(test);
      test->event.frame = (DcFrame){.number = ++frames,
                                    .time_ns = time_ns,
                                    .caplen = caplen,
                                    .len = caplen + (uint32_t)g_test_rand_int_range(0, 2) * 500,
                                    .bytes = test->body,
                                    .link = DC_LINK_ETHERNET,
                                    .direction = (uint8_t)g_test_rand_int_range(0, DC_DIRECTION_COUNT)};
      break;
    }
    case DC_EVENT_DROP:
      random_drop(test, ++drops, time_ns);
      break;
    case DC_EVENT_SAMPLE:
      test->event.sample = (DcSample){.time_ns = time_ns,
                                      .phase = (uint8_t)g_test_rand_int_range(0, DC_PHASE_ONCE + 1),
                                      .name = g_test_rand_bit() ? "snmp" : "softnet_stat",
                                      .text = (const char *)test->body,
                                      .len = g_test_rand_bit() ? random_body(test) : 0};
      break;
    case DC_EVENT_LOSS:
      test->event.loss = (DcLoss){.kind = (uint8_t)g_test_rand_int_range(0, DC_LOSS_COUNT),
                                  .count = (uint64_t)g_test_rand_int_range(1, 1000),
                                  .from_ns = g_test_rand_bit() ? DC_TIME_NONE : time_ns - 10,
                                  .to_ns = time_ns,
                                  .detail = pick("ring full", "socket overrun")};
      break;
    case DC_EVENT_LIGHT:
      g_assert_not_reached();
    }
  }
}

static void check_drop(const DcDrop *got, const DcDrop *expected)
{
  g_assert_cmpuint(got->number, ==, expected->number);
  g_assert_cmpint(got->time_ns, ==, expected->time_ns);
  g_assert_cmpint(got->precision_ns, ==, expected->precision_ns);
  g_assert_cmpint(got->kind, ==, expected->kind);
  g_assert_cmpuint(got->pc, ==, expected->pc);
  g_assert_cmpstr(got->symbol, ==, expected->symbol);
  g_assert_cmpuint(got->offset, ==, expected->offset);
  g_assert_cmpuint(got->size, ==, expected->size);
  g_assert_cmpstr(got->module, ==, expected->module);
  g_assert_cmpstr(got->location, ==, expected->location);
  g_assert_cmpstr(got->reason, ==, expected->reason);
  g_assert_cmpint(got->protocol, ==, expected->protocol);
  g_assert_cmpuint(got->in_ifindex, ==, expected->in_ifindex);
  g_assert_cmpstr(got->in_ifname, ==, expected->in_ifname);
  g_assert_cmpstr(got->trap_group, ==, expected->trap_group);
  g_assert_cmpstr(got->trap_name, ==, expected->trap_name);
  g_assert_cmpuint(got->skb, ==, expected->skb);
  g_assert_cmpint(got->rx_time_ns, ==, expected->rx_time_ns);
  g_assert_cmpint(got->rx_wait_ns, ==, expected->rx_wait_ns);
  g_assert_cmpint(got->rx_passed_ns, ==, expected->rx_passed_ns);
  g_assert_cmpuint(got->rx_len, ==, expected->rx_len);
  g_assert_cmpstr(got->rx_ifname, ==, expected->rx_ifname);
  g_assert_cmpuint(got->count, ==, expected->count);
  g_assert_cmpuint(got->orig_len, ==, expected->orig_len);
  assert_bytes(got->bytes, got->caplen, expected->bytes, expected->caplen);
  if (expected->caplen > 0)
    g_assert_cmpint(got->link, ==, expected->link);
}

static void check_event(const DcEvent *got, const DcEvent *expected)
{
  g_assert_cmpint(got->kind, ==, expected->kind);
  g_assert_cmpint(got->time_ns, ==, expected->time_ns);
  switch ((DcEventKind)expected->kind) {
  case DC_EVENT_FRAME:
    g_assert_cmpuint(got->frame.number, ==, expected->frame.number);
    g_assert_cmpuint(got->frame.len, ==, expected->frame.len);
    g_assert_cmpint(got->frame.direction, ==, expected->frame.direction);
    g_assert_cmpint(got->frame.link, ==, DC_LINK_ETHERNET);
    g_assert_cmpuint(got->frame.ifindex, ==, 3);
    assert_bytes(got->frame.bytes, got->frame.caplen, expected->frame.bytes, expected->frame.caplen);
    return;
  case DC_EVENT_DROP:
    check_drop(&got->drop, &expected->drop);
    return;
  case DC_EVENT_SAMPLE:
    g_assert_cmpint(got->sample.phase, ==, expected->sample.phase);
    g_assert_cmpstr(got->sample.name, ==, expected->sample.name);
    assert_bytes(got->sample.text, got->sample.len, expected->sample.text, expected->sample.len);
    return;
  case DC_EVENT_LOSS:
    g_assert_cmpint(got->loss.kind, ==, expected->loss.kind);
    g_assert_cmpuint(got->loss.count, ==, expected->loss.count);
    g_assert_cmpint(got->loss.from_ns, ==, expected->loss.from_ns);
    g_assert_cmpint(got->loss.to_ns, ==, expected->loss.to_ns);
    g_assert_cmpstr(got->loss.detail, ==, expected->loss.detail);
    return;
  case DC_EVENT_LIGHT:
    g_assert_not_reached();
  }
}

static void test_round_trip(void)
{
  static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 9}};
  static const DcAddr addresses[] = {{.bytes = {10, 0, 0, 1}, .version = 4}, {.bytes = {0xfd, [15] = 1}, .version = 6}};
  const DcEvidenceMeta meta = {.interface = "eth0",
                               .filter = "not port 22",
                               .dlt = DLT_EN10MB,
                               .snaplen = 262144,
                               .ifindex = 3,
                               .promiscuous = true,
                               .mac = {2, 0, 0, 0, 0, 1},
                               .has_mac = true,
                               .command = "dropcorr -i eth0 -w x.pcapng 'not port 22'",
                               .drop_mode = "packet",
                               .drop_text = "drops by packet alerts",
                               .direction = "inout",
                               .timestamp_type = "host",
                               .local_macs = macs,
                               .local_mac_count = G_N_ELEMENTS(macs),
                               .local_addresses = addresses,
                               .local_address_count = G_N_ELEMENTS(addresses),
                               .start_ns = BASE_NS,
                               .verify_from_ns = BASE_NS - 5,
                               .verify_to_ns = BASE_NS - 2};
  g_autofree char *dir = g_dir_make_tmp("dropcorr-evidence-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "run.pcapng", NULL);
  for (int round = 0; round < 20; round++) {
    g_autofree TestEvent *tests = g_new0(TestEvent, EVENTS);
    random_events(tests);
    DcEvidenceOptions options;
    dc_evidence_options_init(&options);
    options.kdrop_packets = round % 2 == 0; /* Wireshark's copies change neither numbers nor drops */
    GError *error = NULL;
    DcEvidence *evidence = dc_evidence_open(path, &meta, &options, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < EVENTS; i++) {
      dc_evidence_event(evidence, &tests[i].event, &error);
      g_assert_no_error(error);
    }
    dc_evidence_close(evidence, 1000, 5, 6, &error);
    g_assert_no_error(error);
    dc_evidence_free(evidence);

    const DcCaptureFileOptions none = {0};
    g_autoptr(DcSource) source = dc_capture_file_open(path, &none, &error);
    g_assert_no_error(error);
    DcEvent event;
    for (size_t i = 0; i < EVENTS; i++) {
      g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_EVENT);
      g_assert_no_error(error);
      check_event(&event, &tests[i].event);
    }
    g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
    g_assert_no_error(error);
    g_assert_cmpuint(source->skipped, ==, 0);

    const DcEvidenceHeader *header = dc_capture_file_evidence(source);
    g_assert_nonnull(header);
    g_assert_cmpstr(header->command, ==, meta.command);
    g_assert_cmpstr(header->drop_mode, ==, meta.drop_mode);
    g_assert_cmpstr(header->drop_text, ==, meta.drop_text);
    g_assert_cmpstr(header->ifname, ==, meta.interface);
    g_assert_cmpstr(header->filter, ==, meta.filter);
    g_assert_cmpstr(header->direction, ==, meta.direction);
    g_assert_cmpstr(header->timestamp_type, ==, meta.timestamp_type);
    g_assert_cmpuint(header->ifindex, ==, 3);
    g_assert_true(header->promiscuous);
    g_assert_cmpint(header->start_ns, ==, meta.start_ns);
    g_assert_cmpint(header->verify_from_ns, ==, meta.verify_from_ns);
    g_assert_cmpint(header->verify_to_ns, ==, meta.verify_to_ns);
    assert_bytes(header->local_macs, header->local_mac_count * 6, macs, sizeof macs);
    g_assert_cmpuint(header->local_address_count, ==, 2);
    g_assert_true(dc_addr_equal(&header->local_addresses[0], &addresses[0]));
    g_assert_true(dc_addr_equal(&header->local_addresses[1], &addresses[1]));
    const DcCaptureInterface *interface = dc_capture_file_interface(source, 0);
    g_assert_cmpstr(interface->name, ==, "eth0");
    g_assert_cmpstr(interface->filter, ==, "not port 22");
    g_assert_cmpint(interface->mac[5], ==, 1);
  }
  (void)g_unlink(path);
  g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* Any order of fields, any text: the reader never leaves an entry's bytes, and a drop without a kind is a drop. */
static void test_entries(void)
{
  static const struct {
    const char *entry;
    DcEvidenceStatus status;
  } cases[] = {
      {"", DC_EVIDENCE_FOREIGN},
      {"\n", DC_EVIDENCE_FOREIGN},
      {"MESSAGE=DROPCORR_TYPE=drop\n", DC_EVIDENCE_FOREIGN},
      {"\nDROPCORR_TYPE=drop\n", DC_EVIDENCE_FOREIGN}, /* a second entry in one block */
      {"DROPCORR_REASON=A=B\nDROPCORR_TYPE=drop\n", DC_EVIDENCE_EVENT},
      {"DROPCORR_TYPE=drop", DC_EVIDENCE_FOREIGN}, /* cut off: no newline */
      {"DROPCORR_TYPE=drop\nDROPCORR_REASO", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_KIND=netdm-packet\n\n", DC_EVIDENCE_EVENT},
      {"DROPCORR_TYPE=drop\nDROPCORR_KIND=of-later\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_OFFSET=0x\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_OFFSET=4294967296\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_OFFSET= 1\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_OFFSET=+1\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_PROTOCOL=2147483648\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_COUNT=0\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_TIME_NS=9223372036854775807\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_PRECISION_NS=-9223372036854775808\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_LINK=token-ring\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=drop\nDROPCORR_BYTES=0g\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=sample\nDROPCORR_TEXT=x\n\n", DC_EVIDENCE_MALFORMED}, /* of what? */
      {"DROPCORR_TYPE=sample\nDROPCORR_NAME=uname\nDROPCORR_PHASE=noon\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=loss\nDROPCORR_COUNT=1\n\n", DC_EVIDENCE_MALFORMED},
      {"DROPCORR_TYPE=header\n\n", DC_EVIDENCE_HEADER},
      {"DROPCORR_TYPE=header\nDROPCORR_LOCAL_MAC=rubbish\nDROPCORR_LOCAL_ADDR=rubbish\n\n", DC_EVIDENCE_HEADER},
      {"DROPCORR_TYPE=header\nDROPCORR_IFINDEX=rubbish\n\n", DC_EVIDENCE_MALFORMED},
  };
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(DcEvidenceReader) reader = dc_evidence_reader_new(strings);
    g_assert_null(dc_evidence_reader_header(reader));
    /* Exactly sized, so that a read beyond the end shows. */
    const size_t len = strlen(cases[i].entry);
    g_autofree uint8_t *entry = g_memdup2(cases[i].entry, len);
    DcEvent event;
    g_assert_cmpint(dc_evidence_reader_parse(reader, entry, len, &event), ==, cases[i].status);
    g_assert_true((dc_evidence_reader_header(reader) != NULL) == (cases[i].status == DC_EVIDENCE_HEADER));
  }
}

static void test_file(void)
{
  for (int big = 0; big <= 1; big++) {
    Builder builder = builder_new(big != 0);
    ng_section(&builder, "dropcorr 0.1.0");
    ng_interface(&builder, LINKTYPE_ETHERNET, 262144, "eth0", 9);
    ng_interface(&builder, LINKTYPE_ETHERNET, 262144, "kdrop", 9);
    ng_journal_text(&builder, "__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=begin\nDROPCORR_TYPE=header\n"
                              "DROPCORR_TIME_NS=1700000000000000000\nDROPCORR_VERSION=0.1.0\n"
                              "DROPCORR_COMMAND=dropcorr -i eth0\nDROPCORR_DROP_MODE=packet\n"
                              "DROPCORR_LOCAL_MAC=02:00:00:00:00:01\nDROPCORR_LOCAL_ADDR=10.0.0.1\n"
                              "DROPCORR_LOCAL_ADDR=fd00::1\nDROPCORR_LOCAL_ADDR=10.0.0.1\nDROPCORR_IFINDEX=7\n"
                              "DROPCORR_PROMISC=1\nDROPCORR_START_NS=1699999999000000000\n\n");
    ng_packet(&builder, 0, BASE_NS, "frame", 5, 60, 1);
    ng_packet(&builder, 1, BASE_NS + 1, "drop", 4, 60, 0);
    ng_journal_text(&builder,
                    "__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=NETFILTER_DROP\nDROPCORR_TYPE=drop\n"
                    "DROPCORR_TIME_NS=1700000000000000001\nDROPCORR_NUMBER=12\nDROPCORR_KIND=netdm-packet\n"
                    "DROPCORR_PRECISION_NS=5\nDROPCORR_PC=0xffffffff815ca47f\nDROPCORR_SYMBOL=nft_do_chain\n"
                    "DROPCORR_OFFSET=0x47f\nDROPCORR_SIZE=1504\nDROPCORR_MODULE=nf_tables\n"
                    "DROPCORR_LOCATION=nft_do_chain+0x47f/0x5e0 [nf_tables]\nDROPCORR_REASON=NETFILTER_DROP\n"
                    "DROPCORR_PROTOCOL=2048\nDROPCORR_IN_IFINDEX=2\nDROPCORR_IN_IFNAME=eth0\n"
                    "DROPCORR_TRAP_GROUP=g\nDROPCORR_TRAP_NAME=n\nDROPCORR_SKB=0xffff88803dd83a00\nDROPCORR_COUNT=3\n"
                    "DROPCORR_ORIG_LEN=60\nDROPCORR_LINK=raw\nDROPCORR_BYTES=00ff10aB\nDROPCORR_RX_TIME_NS=9\n"
                    "DROPCORR_RX_LEN=46\nDROPCORR_RX_IFNAME=eth1\nDROPCORR_OF_LATER=1\n\n");
    ng_packet(&builder, 0, BASE_NS + 2, "frame", 5, 60, 0);
    /* A value with a newline: name, length in 64 bits little endian, value. */
    static const char head[] = "DROPCORR_TYPE=sample\nDROPCORR_TIME_NS=1700000000000000002\nDROPCORR_PHASE=tick\n"
                               "DROPCORR_NAME=snmp\nDROPCORR_TEXT\n\x0b\0\0\0\0\0\0\0Ip: A\nIp: 1\n\n";
    ng_journal(&builder, head, sizeof head - 1);
    ng_journal_text(&builder, "DROPCORR_TYPE=loss\nDROPCORR_LOSS=monitor\nDROPCORR_COUNT=17\n"
                              "DROPCORR_FROM_NS=1700000000000000000\nDROPCORR_TO_NS=1700000000000000003\n"
                              "DROPCORR_DETAIL=queue full\n");
    ng_journal_text(&builder, "_SYSTEMD_UNIT=cron.service\nMESSAGE=not ours\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=of-a-later-version\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_NUMBER=x\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_BYTES=012\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_COUNT=99999999999999999999\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_TIME_NS=-4\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=loss\nDROPCORR_LOSS=tears\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=sample\nDROPCORR_TEXT\n\xff\xff\xff\xff\xff\xff\xff\xff"
                              "text\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=sample\nDROPCORR_NAME=cut o");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\n\n");
    ng_statistics(&builder, 0, BASE_NS + 30, 10); /* said in journal entries already */
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);

    DcEvent event;
    const DcFrame *frame = must_frame(source, &event);
    g_assert_cmpuint(frame->number, ==, 1);
    g_assert_cmpuint(frame->ifindex, ==, 7);
    g_assert_cmpint(frame->direction, ==, DC_DIRECTION_IN);
    const DcEvidenceHeader *header = dc_capture_file_evidence(source);
    g_assert_nonnull(header);
    g_assert_cmpstr(header->command, ==, "dropcorr -i eth0");
    g_assert_cmpstr(header->drop_mode, ==, "packet");
    g_assert_null(header->filter);
    g_assert_true(header->promiscuous);
    g_assert_cmpint(header->start_ns, ==, INT64_C(1699999999000000000));
    g_assert_cmpuint(header->local_mac_count, ==, 1);
    g_assert_cmpint(header->local_macs[0][5], ==, 1);
    g_assert_cmpuint(header->local_address_count, ==, 2);
    g_assert_cmpint(header->local_addresses[0].version, ==, 4);
    g_assert_cmpint(header->local_addresses[1].version, ==, 6);
    g_assert_true(dc_capture_file_info(source)->is_evidence);

    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_DROP);
    const DcDrop *drop = &event.drop;
    g_assert_cmpint(event.time_ns, ==, BASE_NS + 1);
    g_assert_cmpint(drop->time_ns, ==, BASE_NS + 1);
    g_assert_cmpuint(drop->number, ==, 12);
    g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_PACKET);
    g_assert_cmpint(drop->precision_ns, ==, 5);
    g_assert_cmpuint(drop->pc, ==, UINT64_C(0xffffffff815ca47f));
    g_assert_cmpstr(drop->symbol, ==, "nft_do_chain");
    g_assert_cmpuint(drop->offset, ==, 0x47f);
    g_assert_cmpuint(drop->size, ==, 1504);
    g_assert_cmpstr(drop->module, ==, "nf_tables");
    g_assert_cmpstr(drop->location, ==, "nft_do_chain+0x47f/0x5e0 [nf_tables]");
    g_assert_cmpstr(drop->reason, ==, "NETFILTER_DROP");
    g_assert_cmpint(drop->protocol, ==, 0x800);
    g_assert_cmpuint(drop->in_ifindex, ==, 2);
    g_assert_cmpstr(drop->in_ifname, ==, "eth0");
    g_assert_cmpstr(drop->trap_group, ==, "g");
    g_assert_cmpstr(drop->trap_name, ==, "n");
    g_assert_cmpuint(drop->skb, ==, UINT64_C(0xffff88803dd83a00));
    g_assert_cmpuint(drop->count, ==, 3);
    g_assert_cmpuint(drop->orig_len, ==, 60);
    g_assert_cmpint(drop->link, ==, DC_LINK_RAW);
    assert_bytes(drop->bytes, drop->caplen, "\x00\xff\x10\xab", 4);
    g_assert_cmpint(drop->rx_time_ns, ==, 9);
    g_assert_cmpuint(drop->rx_len, ==, 46);
    g_assert_cmpstr(drop->rx_ifname, ==, "eth1");

    g_assert_cmpuint(must_frame(source, &event)->number, ==, 3); /* kdrop's packet counts */

    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_SAMPLE);
    g_assert_cmpint(event.time_ns, ==, BASE_NS + 2);
    g_assert_cmpint(event.sample.phase, ==, DC_PHASE_TICK);
    g_assert_cmpstr(event.sample.name, ==, "snmp");
    assert_bytes(event.sample.text, event.sample.len, "Ip: A\nIp: 1", 11);

    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_LOSS);
    g_assert_cmpint(event.time_ns, ==, BASE_NS + 3);
    g_assert_cmpint(event.loss.kind, ==, DC_LOSS_MONITOR);
    g_assert_cmpuint(event.loss.count, ==, 17);
    g_assert_cmpstr(event.loss.detail, ==, "queue full");

    /* Everything unknown. */
    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_DROP);
    g_assert_cmpint(event.time_ns, ==, DC_TIME_NONE);
    g_assert_cmpint(event.drop.protocol, ==, -1);
    g_assert_cmpuint(event.drop.count, ==, 1);
    g_assert_cmpuint(event.drop.number, ==, 2); /* the second drop of the file */
    g_assert_null(event.drop.bytes);
    must_end(source);
    g_assert_cmpuint(source->skipped, ==, 7);
    g_assert_cmpuint(source->foreign, ==, 3); /* kdrop's packet, cron's entry, the later version's */
  }
}

/* An evidence file resaved by another tool is known by its entries; kdrop elsewhere is a name like any other. */
static void test_resaved(void)
{
  Builder builder = builder_new(false);
  ng_section(&builder, "Editcap");
  ng_interface(&builder, LINKTYPE_ETHERNET, 0, "kdrop", 9);
  ng_packet(&builder, 0, BASE_NS, "x", 1, 1, 0);
  ng_journal_text(&builder, "DROPCORR_TYPE=header\nDROPCORR_VERSION=0.1.0\n\n");
  ng_packet(&builder, 0, BASE_NS, "x", 1, 1, 0);
  g_autoptr(GByteArray) bytes = builder.out;
  g_autoptr(DcSource) source = must_open(bytes, NULL);
  DcEvent event;
  g_assert_cmpuint(must_frame(source, &event)->number, ==, 1);
  must_end(source);
  g_assert_cmpuint(source->foreign, ==, 1);
  g_assert_true(dc_capture_file_info(source)->is_evidence);
}

/* In an evidence file a frame has the number of the run that wrote it; elsewhere epb_packetid says nothing of
 * order. Whatever it says, numbers grow. */
static void test_packet_ids(void)
{
  static const uint64_t ids[] = {5, 9, 0, 9, 2, UINT64_MAX, 1000};
  static const uint64_t expected[] = {5, 9, 10, 11, 12, 13, 1000};
  for (int evidence = 0; evidence <= 1; evidence++) {
    Builder builder = builder_new(evidence != 0);
    ng_section(&builder, evidence ? "dropcorr 0.1.0" : "Dumpcap");
    ng_interface(&builder, LINKTYPE_ETHERNET, 0, "eth0", 9);
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
      ng_numbered_packet(&builder, 0, BASE_NS, "x", 1, ids[i]);
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);
    DcEvent event;
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
      g_assert_cmpuint(must_frame(source, &event)->number, ==, evidence ? expected[i] : i + 1);
    must_end(source);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/evidence-read/round-trip", test_round_trip);
  g_test_add_func("/evidence-read/entries", test_entries);
  g_test_add_func("/evidence-read/file", test_file);
  g_test_add_func("/evidence-read/resaved", test_resaved);
  g_test_add_func("/evidence-read/packet-ids", test_packet_ids);
  return g_test_run();
}
