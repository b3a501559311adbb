/* Which firewall rule: listings walked as the kernel walks them, narrowed by counters, open where bytes cannot tell. */
#include "dropcorr/decode/nft_json.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/decode/state_text.h"
#include "dropcorr/diagnose/ruleset.h"

#include <glib.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17 };

static DcBrief brief_of(const char *src, const char *dst, uint8_t protocol, uint16_t port)
{
  DcBrief brief = {.has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_IP, .direction = DC_DIRECTION_IN};
  DcAddr from, to;
  g_assert_true(dc_addr_parse(src, &from) && dc_addr_parse(dst, &to));
  memcpy(brief.flow.src, from.bytes, sizeof brief.flow.src);
  memcpy(brief.flow.dst, to.bytes, sizeof brief.flow.dst);
  brief.flow.ip_version = from.version;
  brief.flow.ethertype = from.version == 6 ? 0x86dd : 0x0800;
  brief.flow.protocol = protocol;
  brief.l4_checksum = DC_CHECKSUM_GOOD;
  if (protocol == TCP || protocol == UDP) {
    brief.has |= DC_HAS_PORTS;
    brief.flow.src_port = 40000;
    brief.flow.dst_port = port;
  } else {
    brief.has |= DC_HAS_ICMP;
    brief.icmp_type = 8;
  }
  if (protocol == TCP) {
    brief.has |= DC_HAS_TCP;
    brief.tcp_flags = DC_TCP_SYN;
  }
  return brief;
}

static DcState *with_text(const char *name, const char *text)
{
  DcState *state = dc_state_new();
  dc_state_set_text(state, name, text, strlen(text));
  return state;
}

static DcRulesetAnswer ask(const DcState *state, const DcBrief *brief, bool dropped)
{
  const DcRulesetQuery query = {.state = state,
                                .brief = brief,
                                .device = "eth0",
                                .dropped = dropped,
                                .own_bytes = dropped,
                                .from_ns = DC_TIME_NONE,
                                .to_ns = DC_TIME_NONE};
  DcRulesetAnswer answer;
  dc_ruleset_search(&query, &answer);
  return answer;
}

static DcRulesetFit fit_of(const DcState *state, const char *src, uint8_t protocol, uint16_t port)
{
  const DcBrief brief = brief_of(src, strchr(src, ':') != NULL ? "fd00::1" : "10.0.0.1", protocol, port);
  return ask(state, &brief, false).fit;
}

#define assert_fit(state, src, protocol, port, expected) \
  g_assert_cmpint(fit_of(state, src, protocol, port), ==, DC_RULESET_##expected)

/* The one rule that dropped it. */
static void assert_dropped_by(const DcState *state, const DcBrief *brief, const char *rule)
{
  const DcRulesetAnswer answer = ask(state, brief, true);
  g_assert_cmpuint(answer.left, ==, 1);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_FITS);
  g_assert_cmpstr(answer.listed[0].text, ==, rule);
}

static void sample(DcState *state, DcPhase phase, const char *name, const char *text)
{
  const DcSample made = {
      .time_ns = DC_TIME_NONE, .phase = (uint8_t)phase, .name = name, .text = text, .len = strlen(text)};
  g_assert_cmpint(dc_state_text_parse(state, &made, NULL), ==, DC_STATE_TEXT_PARSED);
}

/* --- nft ------------------------------------------------------------------------------------ */

static const char listing[] = "table inet f {\n"
                              "\tset blocked {\n\t\ttype ipv4_addr\n\t\telements = { 192.0.2.1, 192.0.2.2,\n"
                              "\t\t\t     192.0.2.16-192.0.2.31 }\n\t}\n\n"
                              "\tchain in { # handle 1\n"
                              "\t\ttype filter hook input priority filter; policy accept;\n"
                              "\t\ttcp dport 8089 counter packets 3 bytes 180 drop # handle 2\n"
                              "\t\tudp dport 7777 log prefix \"gone \" level debug drop\n"
                              "\t\tudp dport { 53, 5353, 6000-6100 } drop comment \"tcp dport 22 drop\"\n"
                              "\t\tip saddr 198.51.100.0/24 tcp dport != 443 reject with tcp reset\n"
                              "\t\tip saddr @blocked drop\n"
                              "\t\ttcp dport 22 accept\n"
                              "\t}\n"
                              "\tchain out {\n\t\ttype filter hook output priority filter; policy drop;\n"
                              "\t\ttcp dport 25 drop\n\t}\n"
                              "\tchain nobody_jumps_here {\n\t\ttcp dport 443 drop\n\t}\n"
                              "}\n";

static void test_nft(void)
{
  g_autoptr(DcState) state = dc_state_new();
  assert_fit(state, "10.0.0.2", TCP, 8089, UNKNOWN);
  dc_state_set_text(state, "nft", listing, strlen(listing));
  const DcBrief closed = brief_of("10.0.0.2", "10.0.0.1", TCP, 8089);
  assert_dropped_by(state, &closed, "inet f in handle 2: tcp dport 8089 drop");
  assert_fit(state, "fd00::2", TCP, 8089, FITS);
  assert_fit(state, "fd00::2", UDP, 8089, NONE);
  assert_fit(state, "fd00::2", UDP, 6050, FITS);
  assert_fit(state, "fd00::2", UDP, 7777, FITS);
  assert_fit(state, "fd00::2", UDP, 6101, NONE);
  assert_fit(state, "fd00::2", TCP, 22, NONE);  /* a comment is no rule */
  assert_fit(state, "fd00::2", TCP, 25, NONE);  /* that is the way out */
  assert_fit(state, "fd00::2", TCP, 443, NONE); /* and there leads no way */
  assert_fit(state, "198.51.100.7", TCP, 22, FITS);
  assert_fit(state, "198.51.100.7", TCP, 443, NONE);
  assert_fit(state, "192.0.2.2", TCP, 22, FITS);
  assert_fit(state, "192.0.2.20", TCP, 22, FITS);
  assert_fit(state, "192.0.2.3", TCP, 22, NONE);
  uint32_t dropping;
  g_assert_true(dc_ruleset_dropping(state, &dropping));
  g_assert_cmpuint(dropping, ==, 5);
  /* A new listing takes the place of what was made of the old one. */
  const char none[] =
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n";
  dc_state_set_text(state, "nft", none, strlen(none));
  assert_fit(state, "10.0.0.2", TCP, 8089, NONE);
  g_assert_true(dc_ruleset_dropping(state, &dropping));
  g_assert_cmpuint(dropping, ==, 0);
  g_autoptr(DcState) other = dc_state_new();
  assert_fit(other, "10.0.0.2", TCP, 8089, UNKNOWN);
  g_assert_false(dc_ruleset_dropping(other, &dropping));
  g_assert_false(dc_ruleset_dropping(NULL, &dropping));
  g_assert_cmpint(ask(NULL, &closed, true).fit, ==, DC_RULESET_UNKNOWN);
}

/* Order counts: what was accepted before is not dropped later, and nothing comes behind a drop. */
static void test_order(void)
{
  g_autoptr(DcState) state =
      with_text("nft", "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy drop;\n"
                       "\t\tct state established,related accept\n\t\tct state invalid drop\n"
                       "\t\tiifname \"lo\" accept\n\t\ttcp dport { 22, 80 } accept\n"
                       "\t\tip saddr 10.0.0.0/8 tcp dport 8000-8100 drop # handle 9\n"
                       "\t\ttcp dport 8089 drop # handle 10\n\t}\n}\n");
  assert_fit(state, "10.0.0.2", TCP, 22, NONE);
  assert_fit(state, "10.0.0.2", TCP, 443, FITS);
  const DcBrief closed = brief_of("10.0.0.2", "10.0.0.1", TCP, 8089), other = brief_of("10.0.0.2", "10.0.0.1", TCP, 9);
  assert_dropped_by(state, &closed, "inet f in handle 9: ip saddr 10.0.0.0/8 tcp dport 8000-8100 drop");
  assert_dropped_by(state, &other, "inet f in: policy drop");
  const DcBrief afar = brief_of("192.0.2.1", "10.0.0.1", TCP, 8089);
  assert_dropped_by(state, &afar, "inet f in handle 10: tcp dport 8089 drop");

  /* A segment may be of an established connection: nothing says that it was dropped. If it was, it was not accepted. */
  DcBrief segment = other;
  segment.tcp_flags = DC_TCP_ACK;
  g_assert_cmpint(ask(state, &segment, false).fit, ==, DC_RULESET_MAYBE);
  const DcRulesetAnswer answer = ask(state, &segment, true);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_FITS);
  g_assert_cmpuint(answer.left, ==, 2);
  g_assert_cmpstr(answer.listed[0].text, ==, "inet f in: ct state invalid drop");
  g_assert_cmpstr(answer.listed[0].open, ==, "ct state");
  g_assert_cmpstr(answer.listed[1].text, ==, "inet f in: policy drop");
  g_assert_cmpstr(answer.listed[1].open, ==, "");
}

/* Chains of one hook are asked by priority, and an accept ends its own chain only. */
static void test_hooks(void)
{
  g_autoptr(DcState) state = with_text(
      "nft", "table inet late {\n\tchain in {\n\t\ttype filter hook input priority filter + 10; policy accept;\n"
             "\t\ttcp dport 22 drop\n\t\ttcp dport 23 drop\n\t}\n}\n"
             "table ip early {\n\tchain in {\n\t\ttype filter hook input priority -5; policy accept;\n"
             "\t\ttcp dport 22 accept\n\t\ttcp dport 23 drop\n\t}\n"
             "\tchain pre {\n\t\ttype filter hook prerouting priority raw; policy accept;\n"
             "\t\ttcp dport 24 drop\n\t}\n"
             "\tchain fwd {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n"
             "table netdev n {\n\tchain i {\n"
             "\t\ttype filter hook ingress device \"eth1\" priority filter; policy drop;\n\t}\n}\n");
  const DcAddr local = {.version = 4, .bytes = {10, 0, 0, 1}};
  dc_state_add_address(state, "eth0", &local, 24);
  const DcBrief ssh = brief_of("10.0.0.2", "10.0.0.1", TCP, 22), telnet = brief_of("10.0.0.2", "10.0.0.1", TCP, 23);
  const DcBrief raw = brief_of("10.0.0.2", "10.0.0.1", TCP, 24), far = brief_of("10.0.0.2", "10.9.9.9", TCP, 22);
  const DcBrief six = brief_of("fd00::2", "fd00::1", TCP, 23);
  assert_dropped_by(state, &ssh, "inet late in: tcp dport 22 drop");
  assert_dropped_by(state, &telnet, "ip early in: tcp dport 23 drop");
  assert_dropped_by(state, &raw, "ip early pre: tcp dport 24 drop");
  assert_dropped_by(state, &far, "ip early fwd: policy drop");       /* not to this host */
  g_assert_cmpint(ask(state, &six, false).fit, ==, DC_RULESET_NONE); /* no address of this host that is known */
  const DcAddr local6 = {.version = 6, .bytes = {0xfd, [15] = 1}};
  dc_state_add_address(state, "eth0", &local6, 64);
  assert_dropped_by(state, &six, "inet late in: tcp dport 23 drop");
}

static const char jumps[] = "table inet f {\n"
                            "\tmap services {\n\t\ttype inet_service : verdict\n"
                            "\t\telements = { 22 : jump ssh, 80 : accept,\n\t\t\t     8080-8089 : drop }\n\t}\n"
                            "\tset pairs {\n\t\ttype ipv4_addr . inet_service\n"
                            "\t\telements = { 10.0.0.2 . 99, 10.0.0.3 . 98 }\n\t}\n"
                            "\tset seen {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n"
                            "\t\telements = { 10.0.0.7 timeout 1m expires 30s }\n\t}\n"
                            "\tset empty {\n\t\ttype ipv4_addr\n\t}\n"
                            "\tchain ssh {\n\t\tip saddr 10.0.0.2 return\n\t\tip saddr 10.0.0.3 drop\n"
                            "\t\tgoto last\n\t}\n"
                            "\tchain last {\n\t\tip saddr 10.0.0.4 drop\n\t}\n"
                            "\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
                            "\t\ttcp dport vmap @services\n"
                            "\t\tip saddr . tcp dport @pairs drop\n"
                            "\t\tip saddr @seen tcp dport 7 drop\n"
                            "\t\tip saddr @empty drop\n"
                            "\t\tip saddr @gone tcp dport 97 drop\n"
                            "\t\ttcp dport 22 ip saddr 10.0.0.2 drop\n"
                            "\t\ttcp dport 22 drop\n"
                            "\t\tudp dport 53 limit rate over 10/second burst 5 packets drop\n"
                            "\t\tudp dport 54 fib saddr . iif oif missing drop\n"
                            "\t\tudp dport 55 meta mark & 0xff == 0x1 drop\n"
                            "\t\ttcp flags & (fin | syn | rst | ack) == syn tcp dport 96 drop\n"
                            "\t\ttcp flags syn / fin,syn,rst,ack tcp dport 95 drop\n"
                            "\t\ttcp flags ! syn tcp dport 95 drop\n"
                            "\t\tmeta mark set 0x1 tcp dport 94 drop\n"
                            "\t\ticmp type { echo-request, redirect } drop\n\t}\n}\n";

static void test_jumps(void)
{
  g_autoptr(DcState) state = with_text("nft", jumps);
  const DcBrief known = brief_of("10.0.0.2", "10.0.0.1", TCP, 22), bad = brief_of("10.0.0.3", "10.0.0.1", TCP, 22);
  const DcBrief last = brief_of("10.0.0.4", "10.0.0.1", TCP, 22), rest = brief_of("10.0.0.5", "10.0.0.1", TCP, 22);
  assert_dropped_by(state, &known, "inet f in: tcp dport 22 ip saddr 10.0.0.2 drop"); /* came back from the jump */
  assert_dropped_by(state, &bad, "inet f ssh: ip saddr 10.0.0.3 drop");
  assert_dropped_by(state, &last, "inet f last: ip saddr 10.0.0.4 drop");
  assert_dropped_by(state, &rest, "inet f in: tcp dport 22 drop");
  const DcBrief mapped = brief_of("10.0.0.5", "10.0.0.1", TCP, 8085);
  assert_dropped_by(state, &mapped, "inet f in: tcp dport vmap @services");
  assert_fit(state, "10.0.0.5", TCP, 80, NONE);
  assert_fit(state, "10.0.0.2", TCP, 99, FITS);
  assert_fit(state, "10.0.0.2", TCP, 98, NONE);
  assert_fit(state, "10.0.0.3", TCP, 98, FITS);
  assert_fit(state, "10.0.0.7", TCP, 7, MAYBE); /* who was in that set then? */
  assert_fit(state, "10.0.0.7", TCP, 97, MAYBE);
  assert_fit(state, "10.0.0.2", UDP, 53, MAYBE);
  assert_fit(state, "10.0.0.2", UDP, 54, MAYBE);
  assert_fit(state, "10.0.0.2", UDP, 55, MAYBE);
  assert_fit(state, "fd00::2", UDP, 56, NONE);
  assert_fit(state, "fd00::2", TCP, 96, FITS);
  assert_fit(state, "fd00::2", TCP, 94, FITS);
  assert_fit(state, "fd00::2", TCP, 93, NONE);
  assert_fit(state, "10.0.0.2", ICMP, 0, FITS);
  const DcBrief limited = brief_of("fd00::2", "fd00::1", UDP, 53);
  const DcRulesetAnswer answer = ask(state, &limited, true);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_MAYBE); /* the only one, but nothing proves it */
  g_assert_cmpstr(answer.listed[0].open, ==, "limit");
  DcBrief ack = brief_of("fd00::2", "fd00::1", TCP, 96);
  ack.tcp_flags = DC_TCP_ACK;
  g_assert_cmpint(ask(state, &ack, false).fit, ==, DC_RULESET_NONE);
}

/* Chains that jump in a circle, or to each other ever so often, end the search and not the program. */
static void test_endless(void)
{
  g_autoptr(GString) text = g_string_new("table inet f {\n");
  for (int i = 0; i < 16; i++) {
    g_string_append_printf(text, "\tchain c%d {\n", i);
    for (int k = 0; k < 16; k++)
      g_string_append_printf(text, "\t\tjump c%d\n", i == 15 ? 0 : i + 1);
    g_string_append(text, "\t}\n");
  }
  g_string_append(text,
                  "\tchain in {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tjump c0\n\t}\n}\n");
  g_autoptr(DcState) state = with_text("nft", text->str);
  assert_fit(state, "10.0.0.2", TCP, 22, UNKNOWN);
}

/* --- counters ----------------------------------------------------------------------------------- */

static void counted(DcState *state, unsigned limited, unsigned fixed, unsigned other)
{
  const DcPhase phases[] = {DC_PHASE_BEFORE, DC_PHASE_AFTER};
  for (unsigned i = 0; i < 2; i++) {
    g_autofree char *text = g_strdup_printf(
        "table inet f {\n\tchain in { # handle 1\n\t\ttype filter hook input priority filter; policy accept;\n"
        "\t\ttcp dport 22 limit rate over 10/second burst 5 packets counter packets %u bytes 0 drop # handle 4\n"
        "\t\ttcp dport 22 ip saddr 10.0.0.0/8 counter packets %u bytes 0 drop # handle 5\n"
        "\t\ttcp dport 22 meta mark 0x1 counter packets %u bytes 0 drop # handle 6\n\t}\n}\n",
        5 + i * limited, 5 + i * fixed, 5 + i * other);
    sample(state, phases[i], "nft", text);
  }
}

static void test_counters(void)
{
  const DcBrief near = brief_of("10.0.0.2", "10.0.0.1", TCP, 22), far = brief_of("192.0.2.1", "10.0.0.1", TCP, 22);
  g_autoptr(DcState) both = dc_state_new();
  counted(both, 3, 2, 0);
  DcRulesetAnswer answer = ask(both, &near, true);
  g_assert_cmpuint(answer.left, ==, 2); /* both dropped something */
  g_assert_cmpuint(answer.listed[0].counted, ==, 3);
  g_assert_cmpuint(answer.listed[1].counted, ==, 2);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_FITS);

  g_autoptr(DcState) limit = dc_state_new();
  counted(limit, 3, 0, 0);
  answer = ask(limit, &near, true);
  g_assert_cmpuint(answer.left, ==, 1); /* the one that counted: proven, though nothing tells of a limit */
  g_assert_cmpint(answer.fit, ==, DC_RULESET_FITS);
  g_assert_cmpuint(answer.stood_still, ==, 1);
  g_assert_cmpstr(answer.listed[0].text, ==,
                  "inet f in handle 4: tcp dport 22 limit rate over 10/second burst 5 packets drop");
  g_assert_cmpuint(answer.listed[0].counted, ==, 3);

  g_autoptr(DcState) mark = dc_state_new();
  counted(mark, 0, 0, 4);
  answer = ask(mark, &far, true);
  g_assert_cmpuint(answer.left, ==, 1);
  g_assert_nonnull(strstr(answer.listed[0].text, "handle 6"));

  g_autoptr(DcState) none = dc_state_new();
  counted(none, 0, 0, 0);
  answer = ask(none, &near, true);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_NONE); /* whatever dropped it, no rule of these did */
  g_assert_cmpuint(answer.stood_still, ==, 2);
}

typedef struct {
  unsigned rules;
  char counters[256];
} Counting;

static void note_counting(const char *counter, const char *rule, void *data)
{
  Counting *counting = data;
  counting->rules++;
  g_strlcat(counting->counters, counter, sizeof counting->counters);
  g_strlcat(counting->counters, ";", sizeof counting->counters);
  g_assert_nonnull(strstr(rule, ": "));
}

/* Only counters of which each step is a drop. */
static void test_each_counting(void)
{
  g_autoptr(DcState) state =
      with_text("nft", "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
                       "\t\ttcp dport 1 counter packets 1 bytes 40 drop # handle 5\n"
                       "\t\tcounter packets 1 bytes 40 tcp dport 2 drop # handle 6\n"
                       "\t\ttcp dport 3 counter packets 1 bytes 40 accept # handle 7\n"
                       "\t\ttcp dport 4 counter name \"shared\" drop # handle 8\n"
                       "\t\ttcp dport 5 counter packets 1 bytes 40 log prefix \"x\" reject # handle 9\n\t}\n"
                       "\tchain out {\n\t\ttype filter hook output priority filter; policy accept;\n"
                       "\t\ttcp dport 1 counter packets 1 bytes 40 drop # handle 10\n\t}\n}\n");
  const char rules[] = "*filter\n:INPUT DROP [7:420]\n:OUTPUT ACCEPT [0:0]\n[5:300] -A INPUT -p tcp --dport 1 -j DROP\n"
                       "[5:300] -A OUTPUT -p tcp --dport 1 -j DROP\nCOMMIT\n";
  dc_state_set_text(state, "iptables-save", rules, strlen(rules));
  Counting counting = {0};
  dc_ruleset_each_counting(state, note_counting, &counting);
  g_assert_cmpstr(counting.counters, ==,
                  "iptables.filter.INPUT.-p tcp --dport 1 -j DROP;iptables.filter.INPUT.policy;"
                  "nft.inet f.in.5;nft.inet f.in.9;");
}

/* The counters' names are those that reading the listing gives, with handles and without. */
static void test_counter_names(void)
{
  static const char *const texts[][2] = {
      {"nft", "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
              "\t\tip saddr 10.0.0.2 tcp dport 22 counter packets %u bytes %u drop comment \"a b\"\n\t}\n}\n"},
      {"nft", "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
              "\t\ttcp dport 22 counter packets %u bytes %u drop # handle 77\n\t}\n}\n"},
      {"nft.json", "{\"nftables\":[{\"table\":{\"family\":\"inet\",\"name\":\"f\"}},{\"chain\":{\"family\":\"inet\","
                   "\"table\":\"f\","
                   "\"name\":\"in\",\"hook\":\"input\",\"type\":\"filter\",\"prio\":0,\"policy\":\"accept\"}},"
                   "{\"rule\":{\"family\":\"inet\",\"table\":\"f\",\"chain\":\"in\",\"handle\":4,\"expr\":[{\"match\":{"
                   "\"op\":\"==\","
                   "\"left\":{\"payload\":{\"protocol\":\"tcp\",\"field\":\"dport\"}},\"right\":22}},"
                   "{\"counter\":{\"packets\":%u,\"bytes\":%u}},{\"drop\":null}]}}]}"},
      {"iptables-save",
       "*filter\n:INPUT ACCEPT [0:0]\n[%u:%u] -A INPUT -s 10.0.0.2/32 -p tcp -m tcp --dport 22 -j DROP\n"
       "COMMIT\n"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(DcState) state = dc_state_new();
    for (unsigned k = 0; k < 2; k++) {
      g_autoptr(GString) text = g_string_new(texts[i][1]);
      g_autofree char *number = g_strdup_printf("%u", 3 + 4 * k);
      while (g_string_replace(text, "%u", number, 1) > 0)
        ;
      sample(state, k == 0 ? DC_PHASE_BEFORE : DC_PHASE_AFTER, texts[i][0], text->str);
    }
    const DcBrief brief = brief_of("10.0.0.2", "10.0.0.1", TCP, 22);
    const DcRulesetAnswer answer = ask(state, &brief, true);
    g_assert_cmpuint(answer.left, ==, 1);
    g_assert_cmpuint(answer.listed[0].counted, ==, 4);
  }
}

/* --- nft -j --------------------------------------------------------------------------------------- */

static void test_json(void)
{
  static const char json[] =
      "{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\"}},"
      "{\"table\": {\"family\": \"inet\", \"name\": \"f\", \"handle\": 1}},"
      "{\"set\": {\"family\": \"inet\", \"name\": \"blocked\", \"table\": \"f\", \"type\": \"ipv4_addr\", \"handle\": "
      "2,"
      " \"flags\": [\"interval\"], \"elem\": [{\"prefix\": {\"addr\": \"192.0.2.0\", \"len\": 24}}, \"198.51.100.1\","
      " {\"range\": [\"198.51.100.8\", \"198.51.100.9\"]}]}},"
      "{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"web\", \"handle\": 3}},"
      "{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"in\", \"handle\": 4, \"type\": \"filter\","
      " \"hook\": \"input\", \"prio\": 0, \"policy\": \"drop\"}},"
      "{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"in\", \"handle\": 5, \"expr\": ["
      "{\"vmap\": {\"key\": {\"ct\": {\"key\": \"state\"}}, \"data\": {\"set\": [[\"established\", {\"accept\": null}],"
      " [\"invalid\", {\"drop\": null}]]}}}]}},"
      "{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"in\", \"handle\": 6, \"comment\": \"drop\","
      " \"expr\": [{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"ip\", \"field\": \"saddr\"}},"
      " \"right\": \"@blocked\"}}, {\"drop\": null}]}},"
      "{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"in\", \"handle\": 7, \"expr\": [{\"match\":"
      " {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}, \"right\": {\"set\":"
      " [80, {\"range\": [8000, 8100]}]}}}, {\"jump\": {\"target\": \"web\"}}]}},"
      "{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"in\", \"handle\": 8, \"expr\": [{\"match\":"
      " {\"op\": \"==\", \"left\": {\"&\": [{\"payload\": {\"protocol\": \"tcp\", \"field\": \"flags\"}}, [\"fin\","
      " \"syn\"]]}, \"right\": \"syn\"}}, {\"match\": {\"op\": \"!=\", \"left\": {\"meta\": {\"key\": \"iifname\"}},"
      " \"right\": \"eth1\"}}, {\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"tcp\","
      " \"field\": \"dport\"}}, \"right\": 22}}, {\"accept\": null}]}},"
      "{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"web\", \"handle\": 9, \"expr\": [{\"match\":"
      " {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}, \"right\": 8089}},"
      " {\"counter\": {\"packets\": 3, \"bytes\": 222}}, {\"reject\": {\"type\": \"tcp reset\"}}]}},"
      "{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"web\", \"handle\": 10, \"expr\": [{\"accept\":"
      " null}]}}]}";
  g_autofree char *text = dc_nft_json_to_text(json, sizeof json - 1);
  g_assert_cmpstr(text, ==,
                  "table inet f {\n\tset blocked {\n\t\tflags interval\n"
                  "\t\telements = { 192.0.2.0/24, 198.51.100.1, 198.51.100.8-198.51.100.9 }\n\t}\n"
                  "\tchain web {\n\t\ttcp dport 8089 counter packets 3 bytes 222 reject # handle 9\n"
                  "\t\taccept # handle 10\n\t}\n"
                  "\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n"
                  "\t\tct state vmap { established : accept, invalid : drop } # handle 5\n"
                  "\t\tip saddr @blocked drop comment \"drop\" # handle 6\n"
                  "\t\ttcp dport { 80, 8000-8100 } jump web # handle 7\n"
                  "\t\ttcp flags & (fin | syn) == syn iifname != eth1 tcp dport 22 accept # handle 8\n\t}\n}\n");
  g_autoptr(DcState) state = with_text("nft.json", json);
  const DcBrief closed = brief_of("10.0.0.2", "10.0.0.1", TCP, 8089), other = brief_of("10.0.0.2", "10.0.0.1", TCP, 9);
  assert_dropped_by(state, &closed, "inet f web handle 9: tcp dport 8089 reject");
  assert_dropped_by(state, &other, "inet f in: policy drop");
  assert_fit(state, "10.0.0.2", TCP, 22, NONE);
  assert_fit(state, "10.0.0.2", TCP, 80, NONE);
  assert_fit(state, "192.0.2.77", TCP, 80, FITS);
  assert_fit(state, "198.51.100.9", TCP, 80, FITS);
  assert_fit(state, "198.51.100.10", TCP, 80, NONE);
}

static void test_json_damaged(void)
{
  static const char *const damaged[] = {
      "", "[]", "{}", "{\"nftables\": 3}",
      "{\"nftables\": [7, null, \"x\", {\"rule\": 3}, {\"rule\": {\"expr\": [3, {}, {\"match\": 3}, {\"vmap\": {}},"
      " {\"counter\": null}, {\"jump\": {}}, {\"limit\": 3}]}}, {\"set\": {\"elem\": [[], [1], {}]}}, {\"chain\": "
      "{}}]}"};
  for (size_t i = 0; i < G_N_ELEMENTS(damaged); i++) {
    g_autofree char *text = dc_nft_json_to_text(damaged[i], strlen(damaged[i]));
    g_assert_true((text == NULL) == (i < 4));
    g_autoptr(DcState) state = with_text("nft.json", damaged[i]);
    g_assert_cmpint(fit_of(state, "10.0.0.2", TCP, 80), ==, i < 4 ? DC_RULESET_UNKNOWN : DC_RULESET_NONE);
  }
  /* As deep as jansson goes. */
  g_autoptr(GString) deep = g_string_new("{\"nftables\": [{\"rule\": {\"expr\": [{\"match\": {\"left\": ");
  for (int i = 0; i < 1000; i++)
    g_string_append(deep, "{\"&\": [");
  g_string_append(deep, "1");
  for (int i = 0; i < 1000; i++)
    g_string_append(deep, "]}");
  g_string_append(deep, "}}]}}]}");
  g_autofree char *text = dc_nft_json_to_text(deep->str, deep->len);
  g_assert_nonnull(text);
  g_assert_nonnull(strchr(text, '?'));
}

/* --- iptables ------------------------------------------------------------------------------------ */

static void test_iptables(void)
{
  static const char rules[] = "# Generated by iptables-save\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n"
                              ":OUTPUT ACCEPT [0:0]\n:LOGDROP - [0:0]\n:unused - [0:0]\n"
                              "[5:300] -A INPUT -p tcp -m tcp --dport 8089 -j DROP\n"
                              "-A INPUT -s 192.0.2.0/24 ! -i lo -p udp -m multiport --dports 53,5000:5010 -j REJECT\n"
                              "-A INPUT -p tcp -m tcp --dport 23 -m state --state NEW -j DROP\n"
                              "-A INPUT -p tcp -m tcp --dport 24 -m limit --limit 3/min -j DROP\n"
                              "-A INPUT -p tcp -m tcp --dport 7 -j LOGDROP\n"
                              "-A INPUT -p tcp -m tcp --dport 6 -m socket -j DROP\n"
                              "-A INPUT -p tcp -m tcp --dport 5 --tcp-flags FIN,SYN,RST,ACK SYN -j DROP\n"
                              "-A INPUT -p tcp -m tcp --dport 4 ! --syn -j DROP\n"
                              "-A OUTPUT -p tcp --dport 25 -j DROP\n"
                              "-A LOGDROP -m limit --limit 5/min -j LOG --log-prefix \"-A x -j DROP \"\n"
                              "-A LOGDROP -j DROP\n"
                              "-A unused -p tcp -m tcp --dport 8 -j DROP\nCOMMIT\n";
  g_autoptr(DcState) state = with_text("iptables-save", rules);
  const DcAddr local = {.version = 4, .bytes = {10, 0, 0, 1}};
  dc_state_add_address(state, "eth0", &local, 24);
  const DcBrief closed = brief_of("10.0.0.2", "10.0.0.1", TCP, 8089), logged = brief_of("10.0.0.2", "10.0.0.1", TCP, 7);
  const DcBrief forwarded = brief_of("10.0.0.2", "10.0.9.9", UDP, 7);
  assert_dropped_by(state, &closed, "iptables filter: -A INPUT -p tcp -m tcp --dport 8089 -j DROP");
  assert_dropped_by(state, &logged, "iptables filter: -A LOGDROP -j DROP");
  assert_dropped_by(state, &forwarded, "iptables filter FORWARD: policy DROP");
  assert_fit(state, "192.0.2.9", UDP, 5005, FITS);
  assert_fit(state, "192.0.3.9", UDP, 5005, NONE);
  assert_fit(state, "10.0.0.2", TCP, 23, FITS);  /* a SYN's connection is new */
  assert_fit(state, "10.0.0.2", TCP, 24, MAYBE); /* the limit is open */
  assert_fit(state, "10.0.0.2", TCP, 6, MAYBE);  /* and so is a match without options */
  assert_fit(state, "10.0.0.2", TCP, 5, FITS);
  assert_fit(state, "10.0.0.2", TCP, 4, NONE);
  assert_fit(state, "10.0.0.2", TCP, 8, NONE);
  assert_fit(state, "10.0.0.2", TCP, 25, NONE);
  assert_fit(state, "fd00::2", TCP, 8089, NONE);
  /* Where the kernel says that an nftables rule dropped it, none of these did. */
  DcRulesetQuery query = {.state = state, .brief = &closed, .firewall = DC_FIREWALL_NFT, .dropped = true};
  DcRulesetAnswer answer;
  dc_ruleset_search(&query, &answer);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_UNKNOWN);
  query.firewall = DC_FIREWALL_XTABLES;
  dc_ruleset_search(&query, &answer);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_FITS);
}

/* iptables-nft shows in both listings: told once, by nft with its handle, unless nft cannot say what a rule asks. */
static void test_iptables_nft(void)
{
  g_autoptr(DcState) state =
      with_text("iptables-save", "# Generated by iptables-save v1.8.9 (nf_tables) on Mon\n*filter\n"
                                 ":INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 9 -j DROP\n"
                                 "COMMIT\n");
  const DcBrief four = brief_of("10.0.0.2", "10.0.0.1", TCP, 9), six = brief_of("fd00::2", "fd00::1", TCP, 9);
  assert_dropped_by(state, &four, "iptables filter: -A INPUT -p tcp -m tcp --dport 9 -j DROP");
  DcRulesetQuery query = {.state = state, .brief = &four, .firewall = DC_FIREWALL_NFT, .dropped = true};
  DcRulesetAnswer answer;
  dc_ruleset_search(&query, &answer); /* it is nftables that drops */
  g_assert_cmpint(answer.fit, ==, DC_RULESET_FITS);
  query.firewall = DC_FIREWALL_XTABLES;
  dc_ruleset_search(&query, &answer);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_UNKNOWN);

  const char nft[] = "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n"
                     "\t\ttcp dport 9 counter packets 0 bytes 0 drop # handle 7\n\t}\n}\n"
                     "table ip6 filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n"
                     "\t\ttcp dport 9 counter packets 0 bytes 0 drop # handle 8\n\t}\n}\n";
  dc_state_set_text(state, "nft", nft, strlen(nft));
  assert_dropped_by(state, &four, "ip filter INPUT handle 7: tcp dport 9 drop");
  assert_dropped_by(state, &six, "ip6 filter INPUT handle 8: tcp dport 9 drop");
  const char bare[] = "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n"
                      "\t\txt match \"tcp\" counter packets 0 bytes 0 xt target \"REJECT\" # handle 7\n\t}\n}\n";
  dc_state_set_text(state, "nft", bare, strlen(bare));
  assert_dropped_by(state, &four, "iptables filter: -A INPUT -p tcp -m tcp --dport 9 -j DROP");
}

/* Behind an address translation the packet's destination is another one, unless its own bytes at the drop are known. */
static void test_translation(void)
{
  g_autoptr(DcState) state =
      with_text("nft", "table ip nat {\n\tchain pre {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
                       "\t\ttcp dport 8000 dnat to 10.1.0.2:80\n\t}\n}\n"
                       "table inet f {\n\tchain fwd {\n\t\ttype filter hook forward priority filter; policy accept;\n"
                       "\t\tip daddr 10.1.0.2 tcp dport 80 drop\n\t}\n"
                       "\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
                       "\t\ttcp dport 8000 drop\n\t}\n}\n");
  const DcAddr local = {.version = 4, .bytes = {10, 0, 0, 1}};
  dc_state_add_address(state, "eth0", &local, 24);
  assert_fit(state, "10.0.0.2", TCP, 8000, MAYBE);
  const DcBrief translated = brief_of("10.0.0.2", "10.1.0.2", TCP, 80);
  assert_dropped_by(state, &translated, "inet f fwd: ip daddr 10.1.0.2 tcp dport 80 drop");
}

/* Nothing is known of the packet: every rule is open, and none is ruled out. */
static void test_no_bytes(void)
{
  g_autoptr(DcState) state = with_text("nft", listing);
  const DcBrief nothing = {.has = 0};
  const DcRulesetAnswer answer = ask(state, &nothing, true);
  g_assert_cmpint(answer.fit, ==, DC_RULESET_MAYBE);
  g_assert_cmpuint(answer.left, ==, 5);
  const DcBrief arp = {.has = DC_HAS_MAC | DC_HAS_ETHERTYPE, .flow.ethertype = 0x0806};
  g_assert_cmpint(ask(state, &arp, true).fit, ==, DC_RULESET_NONE);
}

/* A storm of new clients against a long block list: the search gives up in the end, and says that it does not know. */
static void test_long(void)
{
  enum { RULES = 65536, CLIENTS = 2500 };
  g_autoptr(GString) rules = g_string_new("*filter\n:INPUT ACCEPT [0:0]\n");
  for (int i = 0; i < RULES; i++)
    g_string_append_printf(rules, "-A INPUT -s 192.%d.%d.%d -j DROP\n", i >> 16 & 255, i >> 8 & 255, i & 255);
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_text(state, "iptables-save", rules->str, rules->len);
  g_assert_cmpuint(strlen(dc_state_text(state, "iptables-save")), <=, DC_STATE_TEXT_MAX);
  assert_fit(state, "192.0.78.31", TCP, 80, FITS);
  int unknown = 0;
  for (int i = 0; i < CLIENTS; i++) {
    g_autofree char *client = g_strdup_printf("10.1.%d.%d", i >> 8, i & 255);
    const DcRulesetFit fit = fit_of(state, client, TCP, 80);
    g_assert_cmpint(fit, ==, unknown > 0 || fit == DC_RULESET_UNKNOWN ? DC_RULESET_UNKNOWN : DC_RULESET_NONE);
    unknown += fit == DC_RULESET_UNKNOWN;
  }
  assert_fit(state, "192.0.0.1", TCP, 80, FITS); /* one of the first */
  g_assert_cmpint(unknown, >, 0);
  g_assert_cmpint(unknown, <, CLIENTS);

  /* More rules than are kept: none of those kept drops it, but another might. */
  g_autoptr(GString) many =
      g_string_new("table inet f {\nchain in {\ntype filter hook input priority 0; policy accept;\n");
  for (int i = 0; i < 70000; i++)
    g_string_append(many, "iif a drop\n");
  g_string_append(many, "}\n}\n");
  g_autoptr(DcState) cut = with_text("nft", many->str);
  assert_fit(cut, "10.2.0.1", TCP, 80, UNKNOWN);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ruleset/nft", test_nft);
  g_test_add_func("/ruleset/order", test_order);
  g_test_add_func("/ruleset/hooks", test_hooks);
  g_test_add_func("/ruleset/jumps", test_jumps);
  g_test_add_func("/ruleset/endless", test_endless);
  g_test_add_func("/ruleset/counters", test_counters);
  g_test_add_func("/ruleset/each-counting", test_each_counting);
  g_test_add_func("/ruleset/counter-names", test_counter_names);
  g_test_add_func("/ruleset/json", test_json);
  g_test_add_func("/ruleset/json-damaged", test_json_damaged);
  g_test_add_func("/ruleset/iptables", test_iptables);
  g_test_add_func("/ruleset/iptables-nft", test_iptables_nft);
  g_test_add_func("/ruleset/translation", test_translation);
  g_test_add_func("/ruleset/no-bytes", test_no_bytes);
  g_test_add_func("/ruleset/long", test_long);
  return g_test_run();
}
