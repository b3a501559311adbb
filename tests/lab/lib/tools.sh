# shellcheck shell=sh
# tools.sh: recorders for the tools that print drops, beside those of lab.sh, which
# sources it when DROPS is `tools` or `bpf`.  They are those of the kernel's own
# Debian suite, on a disk of their own (fetch-tools), and run with it as their root.
#
#   nlmon.pcap              the drop monitor's messages on an nlmon device, by tcpdump:
#                           once for each who listens
#   tools: perf-script.txt       both tracepoints, with stacks
#          perf-plain.txt        skb:kfree_skb alone, without stacks
#          trace-cmd.txt         both tracepoints
#   bpf:   bpftrace-tcpdrop.txt  bpftrace's tcpdrop.bt
#          bcc-tcpdrop.txt       bcc's tcpdrop
#
# Not both at once: while a BPF program is attached to a tracepoint and returns 0, as
# those of bpftrace and bcc do, perf gets nothing of it (perf_trace_run_bpf_submit).
#
# What a kernel or suite cannot do is said in context/tools, in the tool's words.

TOOLS=/tmp/tools
# Not the zone of whoever reads the logs.
TOOLS_ZONE=IST-5:30
TOOLS_ENDING=
TOOLS_INTERRUPTED=

tools_mount() {
    mkdir -p "$TOOLS"
    mount -t ext4 -o ro,noload /dev/vdb "$TOOLS"
    for folder in proc sys dev run tmp; do
        mount --bind "/$folder" "$TOOLS/$folder"
    done
    mount --bind /sys/kernel/tracing "$TOOLS/sys/kernel/tracing"
    mount -t debugfs debugfs "$TOOLS/sys/kernel/debug" # bcc wants it
}

# spawn_tool PROGRAM...: takes the place of the subshell, as spawn_on_server does
spawn_tool() {
    exec env -i --default-signal=INT,QUIT PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C TZ="$TOOLS_ZONE" \
        chroot "$TOOLS" "$@"
}

# tool_started NAME SECONDS TEXT FILE: whether the last recorder said so in time.
# The emulated machine is slow enough without being asked twenty times a second.
tool_started() {
    tool=$!
    deadline=$(($(date +%s) + $2))
    while kill -0 "$tool" 2>/dev/null && [ "$(date +%s)" -lt "$deadline" ]; do
        if file_has "$3" "$4"; then
            RECORDERS="$RECORDERS $tool"
            return 0
        fi
        sleep 0.5
    done
    say "$1 does not start: $(tail -n 3 "$4")"
    echo "$1: $(grep -m 1 -i -e error -e cannot -e unknown "$4" || tail -n 1 "$4")" >>"$OUT/context/tools"
    kill "$tool" 2>/dev/null || true
    wait "$tool" 2>/dev/null || true
    rm -f "$OUT/$1.txt" "$OUT/$1.pcap"
    return 1
}

# interrupted NAME ...: as tool_started; ended by an interrupt
interrupted() {
    if tool_started "$@"; then
        TOOLS_INTERRUPTED="$TOOLS_INTERRUPTED $tool"
    fi
}

# recorder NAME PROGRAM...: it runs a program of ours, which starts when the
# recorder is at work, and stops when that ends
recorder() {
    name=$1
    shift
    # shellcheck disable=SC2094  # the recorder writes, the shell only waits
    spawn_tool "$@" sh -c 'echo at work; read -r _ </tmp/tools-end' >"$OUT/$name.err" 2>&1 &
    if tool_started "$name" 60 'at work' "$OUT/$name.err"; then
        TOOLS_ENDING="$TOOLS_ENDING $tool"
    fi
}

tools_start() {
    tools_mount
    : >"$OUT/context/tools"

    ip link add nlmon0 type nlmon
    ip link set nlmon0 up
    # shellcheck disable=SC2094
    spawn_on_server tcpdump -i nlmon0 -n -U --immediate-mode --time-stamp-precision=nano \
        -Z root -w "$OUT/nlmon.pcap" 2>"$OUT/nlmon.err" &
    interrupted nlmon 10 'listening on' "$OUT/nlmon.err"

    case $DROPS in
    bpf) bpf_start ;;
    tools) perf_start ;;
    esac
}

# Compiled first: that takes minutes.
bpf_start() {
    spawn_tool bpftrace /usr/sbin/tcpdrop.bt >"$OUT/bpftrace-tcpdrop.txt" 2>&1 &
    interrupted bpftrace-tcpdrop 300 '^TIME' "$OUT/bpftrace-tcpdrop.txt"
    spawn_tool python3 -u /usr/sbin/tcpdrop-bpfcc >"$OUT/bcc-tcpdrop.txt" 2>&1 &
    interrupted bcc-tcpdrop 300 '^TIME' "$OUT/bcc-tcpdrop.txt"
}

# Debian 11's perf has its kernel's series in its name; the machine's wrapper would go by the running kernel.
perf_start() {
    perf=perf
    for program in "$TOOLS"/usr/bin/perf_[0-9]*; do
        [ ! -x "$program" ] || perf=${program##*/}
    done
    mkfifo /tmp/tools-end
    recorder perf-script "$perf" record -q -a -g -e skb:kfree_skb -e net:netif_receive_skb -o /tmp/perf-script.data --
    recorder perf-plain "$perf" record -q -a -e skb:kfree_skb -o /tmp/perf-plain.data --
    recorder trace-cmd trace-cmd record -q -e skb:kfree_skb -e net:netif_receive_skb -o /tmp/trace.dat
}

# read_back NAME PROGRAM...: what the tool prints of what it has recorded
read_back() {
    name=$1
    shift
    (spawn_tool "$@") >"$OUT/$name.txt" 2>"$OUT/$name.err" || say "$name: $(tail -n 1 "$OUT/$name.err")"
}

tools_stop() {
    sleep 2 # bpftrace and bcc are handed their events in batches, and no event tells of the last
    [ "$DROPS" = bpf ] || : >/tmp/tools-end
    for pid in $TOOLS_INTERRUPTED; do
        kill -INT "$pid"
    done
    for pid in $TOOLS_INTERRUPTED $TOOLS_ENDING; do
        wait "$pid" 2>/dev/null || true
    done
}

# After the other recorders have ended: it takes its time.
tools_read() {
    [ ! -e /tmp/perf-script.data ] || read_back perf-script "$perf" script -i /tmp/perf-script.data
    [ ! -e /tmp/perf-plain.data ] || read_back perf-plain "$perf" script -i /tmp/perf-plain.data
    [ ! -e /tmp/trace.dat ] || read_back trace-cmd trace-cmd report -i /tmp/trace.dat
}
