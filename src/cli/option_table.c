#include "dropcorr/cli/option_table.h"

#include <glib.h>
#include <string.h>

static const char *const DROP_SOURCES[] = {"auto", "packet", "summary", "tracepoint", "none", NULL};
static const char *const DIRECTIONS[] = {"inout", "in", "out", NULL};
static const char *const COLOURS[] = {"auto", "always", "never", NULL};
static const char *const SEVERITIES[] = {"info", "low", "medium", "high", NULL};

static const DcOption TABLE[] = {
    /* Input */
    {.id = DC_OPTION_INTERFACE,
     .letter = 'i',
     .name = "interface",
     .argument = "interface",
     .group = DC_GROUP_INPUT,
     .complete = DC_COMPLETE_INTERFACE,
     .since = "0.1.0",
     .help = "capture on this interface, or on \"any\"",
     .more = "Without -i, -r, --drops and --context the first interface that is up is taken."},
    {.id = DC_OPTION_READ,
     .letter = 'r',
     .argument = "file",
     .group = DC_GROUP_INPUT,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "read frames from a capture file, or from standard input if \"-\"",
     .more = "pcap and pcapng in either byte order are read, and whatever else libpcap can read. "
             "An evidence file written with -w brings its own drops, counters and state. "
             "Needs no privileges."},
    {.id = DC_OPTION_DROPS,
     .name = "drops",
     .argument = "file",
     .repeatable = true,
     .group = DC_GROUP_INPUT,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "read kernel drops from a log that some tool saved, or from standard input if \"-\"",
     .more = "The format is recognised by content, never by name. May be given several times."},
    {.id = DC_OPTION_DROPS_OFFSET,
     .name = "drops-clock-offset",
     .argument = "seconds",
     .group = DC_GROUP_INPUT,
     .since = "0.1.0",
     .help = "add this to the times of --drops",
     .more =
         "For logs whose times count from the start of the machine, or from a clock that was wrong. Without it such "
         "a log is fitted to the frames; the fit, its score and its rivals are printed, and a fit that chance could "
         "give is refused."},
    {.id = DC_OPTION_TIME_ZONE,
     .name = "tz",
     .argument = "zone",
     .group = DC_GROUP_INPUT,
     .since = "0.1.0",
     .help = "time zone of a drop log whose times name none (Europe/Berlin, +01:00)",
     .more = "Without it this machine's zone is tried, and another one only where the frames speak for it."},
    {.id = DC_OPTION_DROPS_START,
     .name = "drops-start",
     .argument = "time",
     .group = DC_GROUP_INPUT,
     .since = "0.1.0",
     .help = "when a drop log without any times began (seconds since 1970, or 2026-11-20T11:24:33)"},
    {.id = DC_OPTION_KALLSYMS,
     .name = "kallsyms",
     .argument = "file",
     .group = DC_GROUP_INPUT,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "name the addresses of a drop log by this /proc/kallsyms or System.map of its machine",
     .more = "A file kallsyms or proc/kallsyms in --context's directory or archive is taken by itself."},
    {.id = DC_OPTION_CONTEXT,
     .name = "context",
     .argument = "directory",
     .group = DC_GROUP_INPUT,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "read saved counters and state of the host from this directory or tar archive",
     .more = "Files are named as under /proc/net and /sys, or after the command that printed them (ss, nft, sysctl): "
             "before.X and after.X for what was read twice, X for what was read once. A copy of /proc, or two in "
             "before/ and after/, an sos report and a bundle of this program will do as they are, packed or not."},
    {.id = DC_OPTION_LOCAL,
     .name = "local",
     .argument = "address",
     .repeatable = true,
     .group = DC_GROUP_INPUT,
     .since = "0.1.0",
     .help = "an IP or MAC address of the host the evidence comes from",
     .more = "Tells incoming from outgoing frames in a capture that does not say so itself. "
             "Without it the direction is inferred, and the report says from what. May be given several times."},
    {.id = DC_OPTION_FILTER_FILE,
     .letter = 'F',
     .argument = "file",
     .group = DC_GROUP_INPUT,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "read the filter expression from this file",
     .more = "Text from a # to the end of its line is a comment."},
    {.id = DC_OPTION_PACKETS,
     .letter = 'c',
     .argument = "count",
     .group = DC_GROUP_INPUT,
     .since = "0.1.0",
     .help = "stop after this many frames"},
    {.id = DC_OPTION_DURATION,
     .name = "duration",
     .argument = "time",
     .group = DC_GROUP_INPUT,
     .since = "0.1.0",
     .help = "stop capturing after this long: 10, 10s, 500ms, 2m, 1h",
     .more = "A number without a unit is seconds."},
    {.id = DC_OPTION_LIST_INTERFACES,
     .letter = 'D',
     .name = "list-interfaces",
     .group = DC_GROUP_INPUT,
     .since = "0.1.0",
     .help = "list the interfaces to capture on, and exit"},

    /* Live capture */
    {.id = DC_OPTION_DROP_SOURCE,
     .name = "drop-source",
     .argument = "source",
     .group = DC_GROUP_CAPTURE,
     .complete = DC_COMPLETE_VALUES,
     .values = DROP_SOURCES,
     .since = "0.1.0",
     .help = "where kernel drops come from: packet, summary, tracepoint, none, or auto, the first of these that works",
     .more =
         "packet and summary are the kernel's drop monitor (NET_DM): packet gives every drop with its bytes, summary "
         "gives locations and counts only. tracepoint is skb:kfree_skb. "
         "auto, the default, tries them in this order; the report names the one in force and what it cannot tell."},
    {.id = DC_OPTION_SNAPLEN,
     .letter = 's',
     .name = "snapshot-length",
     .argument = "bytes",
     .group = DC_GROUP_CAPTURE,
     .since = "0.1.0",
     .help = "keep this much of each frame; default 256, 0 is 262144",
     .more = "A frame cut within its headers can be joined to no drop."},
    {.id = DC_OPTION_BUFFER,
     .letter = 'B',
     .name = "buffer-size",
     .argument = "KiB",
     .group = DC_GROUP_CAPTURE,
     .since = "0.1.0",
     .help = "size of the kernel's capture buffer, in KiB"},
    {.id = DC_OPTION_DIRECTION,
     .letter = 'Q',
     .name = "direction",
     .argument = "direction",
     .group = DC_GROUP_CAPTURE,
     .complete = DC_COMPLETE_VALUES,
     .values = DIRECTIONS,
     .since = "0.1.0",
     .help = "capture in, out or inout, the default",
     .more = "With in, the replies are not seen: no frame can then be called answered."},
    {.id = DC_OPTION_PROMISCUOUS,
     .name = "promiscuous",
     .group = DC_GROUP_CAPTURE,
     .since = "0.1.0",
     .help = "put the interface into promiscuous mode",
     .more = "Frames for other hosts then come in, and the kernel drops them: these drops exist only because of the "
             "capture, and are reported as other-host."},
    {.id = DC_OPTION_NO_PROMISCUOUS,
     .letter = 'p',
     .name = "no-promiscuous-mode",
     .group = DC_GROUP_CAPTURE,
     .since = "0.1.0",
     .help = "do not put the interface into promiscuous mode: the default"},
    {.id = DC_OPTION_IMMEDIATE,
     .name = "immediate-mode",
     .group = DC_GROUP_CAPTURE,
     .since = "0.1.0",
     .help = "take each frame as soon as it arrives"},
    {.id = DC_OPTION_TIMESTAMP_TYPE,
     .letter = 'j',
     .name = "time-stamp-type",
     .argument = "type",
     .group = DC_GROUP_CAPTURE,
     .since = "0.1.0",
     .help = "clock of the frames' times, as libpcap names it",
     .more = "Drops carry the host's clock: with a clock of the adapter's own, frames and drops may not meet."},
    {.id = DC_OPTION_USER,
     .letter = 'Z',
     .name = "relinquish-privileges",
     .argument = "user",
     .group = DC_GROUP_CAPTURE,
     .complete = DC_COMPLETE_USER,
     .since = "0.1.0",
     .help = "run as this user once everything is opened"},
    {.id = DC_OPTION_VERIFY_UNHANDLED,
     .name = "verify-unhandled",
     .argument = "time",
     .group = DC_GROUP_CAPTURE,
     .since = "0.1.0",
     .help = "first watch drops this long, before the capture opens",
     .more =
         "While a capture runs, frames that no protocol handler takes are not dropped: the capture itself takes them. "
         "This proves what happens to them when nobody captures. A number without a unit is seconds."},

    /* Analysis */
    {.id = DC_OPTION_WINDOW,
     .name = "window",
     .argument = "[before,]after",
     .group = DC_GROUP_ANALYSIS,
     .since = "0.1.0",
     .help = "how far a drop may be from its frame; the default is 1ms,2s"},
    {.id = DC_OPTION_SYN_TIMEOUT,
     .name = "syn-timeout",
     .argument = "time",
     .group = DC_GROUP_ANALYSIS,
     .since = "0.1.0",
     .help = "a SYN without an answer for this long is unanswered; the default is 1s"},

    /* Output */
    {.id = DC_OPTION_JSON,
     .name = "json",
     .group = DC_GROUP_OUTPUT,
     .since = "0.1.0",
     .help = "write the report as NDJSON, one object per line"},
    {.id = DC_OPTION_REPORT,
     .name = "report",
     .argument = "file",
     .repeatable = true,
     .group = DC_GROUP_OUTPUT,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "also write the report to this file, in the format its extension names",
     .more = "May be given several times. Extensions are txt, json, ndjson, md, html and pcapng. "
             "pcapng is an annotated capture: each incoming frame with a comment on what became of it, drops in line. "
             "It is written once everything is known, from a second reading: of regular files, or live of the file "
             "of -w."},
    {.id = DC_OPTION_FRAMES,
     .name = "frames",
     .group = DC_GROUP_OUTPUT,
     .since = "0.1.0",
     .help = "write a line for each frame and each drop"},
    {.id = DC_OPTION_HANDSHAKES,
     .name = "handshakes",
     .group = DC_GROUP_OUTPUT,
     .since = "0.1.0",
     .help = "write a line for each TCP connection attempt"},
    {.id = DC_OPTION_NO_NAMES,
     .letter = 'n',
     .repeatable = true,
     .group = DC_GROUP_OUTPUT,
     .since = "0.1.0",
     .help = "write port numbers, not service names",
     .more = "Addresses are never resolved."},
    {.id = DC_OPTION_VERBOSE,
     .letter = 'v',
     .repeatable = true,
     .group = DC_GROUP_OUTPUT,
     .since = "0.1.0",
     .help = "write more; may be given several times"},
    {.id = DC_OPTION_QUIET, .letter = 'q', .group = DC_GROUP_OUTPUT, .since = "0.1.0", .help = "write less"},
    {.id = DC_OPTION_COLOUR,
     .name = "color",
     .argument = "when",
     .argument_optional = true,
     .group = DC_GROUP_OUTPUT,
     .complete = DC_COMPLETE_VALUES,
     .values = COLOURS,
     .since = "0.1.0",
     .help = "colour the report: auto, always, never",
     .more = "auto, the default, means on a terminal, unless NO_COLOR is set. Without an argument: always."},

    /* Evidence file */
    {.id = DC_OPTION_WRITE,
     .letter = 'w',
     .argument = "file",
     .group = DC_GROUP_EVIDENCE,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "write frames, drops, counters and state to this file, or to standard output if \"-\"",
     .more = "The file is pcapng that tcpdump and Wireshark read. Read back with -r it gives the same report."},
    {.id = DC_OPTION_PACKET_BUFFERED,
     .letter = 'U',
     .name = "packet-buffered",
     .group = DC_GROUP_EVIDENCE,
     .since = "0.1.0",
     .help = "write each record out as it comes"},
    {.id = DC_OPTION_ROTATE_SIZE,
     .letter = 'C',
     .argument = "size",
     .group = DC_GROUP_EVIDENCE,
     .since = "0.1.0",
     .help = "start a new file when one exceeds this size, in millions of bytes",
     .more = "With a suffix k, m or g the size is in units of 1024, 1024*1024 or 1024*1024*1024 bytes. "
             "Files after the first have a number after their name."},
    {.id = DC_OPTION_ROTATE_TIME,
     .letter = 'G',
     .argument = "time",
     .group = DC_GROUP_EVIDENCE,
     .since = "0.1.0",
     .help = "start a new file each time this many seconds have passed",
     .more = "The name given to -w may hold a time format as strftime(3) defines it."},
    {.id = DC_OPTION_ROTATE_FILES,
     .letter = 'W',
     .argument = "count",
     .group = DC_GROUP_EVIDENCE,
     .since = "0.1.0",
     .help = "with -C, keep this many files and overwrite the oldest; with -G, stop after this many"},
    {.id = DC_OPTION_BUNDLE,
     .name = "bundle",
     .argument = "name",
     .group = DC_GROUP_OUTPUT,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "pack reports, annotated capture and context into this new folder, or archive if it ends in .tar.gz",
     .more =
         "For a ticket, or for whoever looks at it elsewhere. Live, the capture is recorded for it, with or without "
         "-w."},
    {.id = DC_OPTION_ANONYMIZE,
     .name = "anonymize",
     .argument = "file",
     .argument_optional = true,
     .group = DC_GROUP_OUTPUT,
     .complete = DC_COMPLETE_FILE,
     .since = "0.1.0",
     .help = "replace addresses, MAC addresses, host and process names in everything that is written",
     .more = "The same becomes the same everywhere, networks stay together, and the findings stay what they are. "
             "The key and what became what go to the mapping file, which only its owner can read: the one named, else "
             "one beside the bundle, else dropcorr.map. One that is there already is used again."},
    {.id = DC_OPTION_KEEP_PAYLOAD,
     .name = "keep-payload",
     .group = DC_GROUP_OUTPUT,
     .since = "0.1.0",
     .help = "leave the payload in annotated captures and bundles; otherwise only headers are in them",
     .more = "An evidence file written with -w always holds what -s lets it."},
    {.id = DC_OPTION_SNAPSHOT,
     .name = "snapshot",
     .argument = "directory",
     .group = DC_GROUP_EVIDENCE,
     .complete = DC_COMPLETE_DIRECTORY,
     .since = "0.1.0",
     .help = "save this host's counters and state in a new directory for --context, and exit",
     .more = "With --duration everything is read twice, before and after that time. With -i only that interface's own "
             "counters are saved, else all interfaces'. Root is not needed; what is left out without it is said."},

    /* Exit status */
    {.id = DC_OPTION_STRICT,
     .name = "strict",
     .group = DC_GROUP_STATUS,
     .since = "0.1.0",
     .help = "exit with status 3 if any evidence was lost or is missing"},
    {.id = DC_OPTION_FAIL_ON,
     .name = "fail-on",
     .argument = "severity",
     .group = DC_GROUP_STATUS,
     .complete = DC_COMPLETE_VALUES,
     .values = SEVERITIES,
     .since = "0.1.0",
     .help = "exit with status 4 if a finding is of this severity or worse: info, low, medium, high"},

    /* About */
    {.id = DC_OPTION_EXPLAIN,
     .name = "explain",
     .argument = "cause",
     .group = DC_GROUP_ABOUT,
     .complete = DC_COMPLETE_CAUSE,
     .since = "0.1.0",
     .help = "say what a cause means, how to confirm it and how to mend it, and exit"},
    {.id = DC_OPTION_LIST_CAUSES,
     .name = "list-causes",
     .group = DC_GROUP_ABOUT,
     .since = "0.1.0",
     .help = "list all causes, and exit"},
    {.id = DC_OPTION_VERSION,
     .name = "version",
     .group = DC_GROUP_ABOUT,
     .since = "0.1.0",
     .help = "print versions, and exit"},
    {.id = DC_OPTION_HELP,
     .letter = 'h',
     .name = "help",
     .group = DC_GROUP_ABOUT,
     .since = "0.1.0",
     .help = "print this help, and exit"},

    {.id = DC_OPTION_HELP_MAN,
     .name = "help-man",
     .group = DC_GROUP_HIDDEN,
     .since = "0.1.0",
     .help = "OPTIONS of the manual page"},
    {.id = DC_OPTION_HELP_COMPLETION,
     .name = "help-completion",
     .group = DC_GROUP_HIDDEN,
     .since = "0.1.0",
     .help = "bash completion"},
};

const DcOption *dc_option_table(size_t *ret_count)
{
  *ret_count = G_N_ELEMENTS(TABLE);
  return TABLE;
}

const DcOption *dc_option_by_id(int id)
{
  for (size_t i = 0; i < G_N_ELEMENTS(TABLE); i++) {
    if ((int)TABLE[i].id == id)
      return &TABLE[i];
  }
  return NULL;
}

const DcOption *dc_option_by_letter(int c)
{
  for (size_t i = 0; i < G_N_ELEMENTS(TABLE); i++) {
    if (c != 0 && TABLE[i].letter == c)
      return &TABLE[i];
  }
  return NULL;
}

void dc_option_spell(const DcOption *option, char text[static 64])
{
  if (option->letter != 0)
    g_snprintf(text, 64, "-%c", option->letter);
  else
    g_snprintf(text, 64, "--%s", option->name);
}

const char *dc_option_group_title(DcOptionGroup group)
{
  switch (group) {
  case DC_GROUP_INPUT:
    return "Input";
  case DC_GROUP_CAPTURE:
    return "Live capture";
  case DC_GROUP_ANALYSIS:
    return "Analysis";
  case DC_GROUP_OUTPUT:
    return "Output";
  case DC_GROUP_EVIDENCE:
    return "Evidence file";
  case DC_GROUP_STATUS:
    return "Exit status";
  case DC_GROUP_ABOUT:
    return "About";
  case DC_GROUP_HIDDEN:
  case DC_GROUP_COUNT:
    break;
  }
  return NULL;
}
