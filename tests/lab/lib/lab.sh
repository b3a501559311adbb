# shellcheck shell=sh
# lab.sh: the lab itself, sourced by the VM's init and by run-netns.
#
# A server and a client are joined by one cable; the client sends, the server's
# kernel drops, and recorders on the server's side write down what happened:
#
#     client namespace            server (initial namespace of the VM,
#     eth0 10.0.0.2 fd00::2       or a namespace of the running kernel)
#          02:00:00:00:00:02 ---- eth0 10.0.0.1 fd00::1 02:00:00:00:00:01
#
# The caller sets before sourcing:
#   LAB        folder with traffic, server, context, lab.sh and scenarios/
#   OUT        folder the recordings go to
#   SERVER_NS  the server's namespace, or empty for the initial one
#   CLIENT_NS  the client's namespace
#   DROPS      packet | summary | none: how the drop monitor is recorded; or
#              tools | bpf: with packets, and by other tools beside (tools.sh)
# and then calls lab_run SCENARIO, with `set -eu` in force and not as part of a
# condition, which would turn -e off: a step that fails must end the run.
#
# A scenario file defines STEPS (names in order), a function step_NAME for each
# (dashes as underscores), scenario_setup, and scenario_expect, which prints the
# table that make-expected turns into expected.json.  It may define
#   VM_ONLY              steps that change settings a namespace shares with the
#                        machine around it
#   scenario_live_summary  prints rows that take the place of scenario_expect's when
#                        dropcorr records and drops come as counts without bytes
#   scenario_findings    prints further rows of expected.json, one JSON object a line
#   scenario_run         takes the place of recording, steps and the end of recording
#   scenario_prelude     traffic before the capture opens
#   scenario_postlude    traffic after it has closed

SERVERS=
RECORDERS=
NAMESPACES=
FURTHER_CAPTURES=

say() {
    echo "lab: $*" >&2
}

die() {
    say "$*"
    exit 1
}

on_server() {
    if [ -n "$SERVER_NS" ]; then
        ip netns exec "$SERVER_NS" "$@"
    else
        "$@"
    fi
}

# The same for a process to be ended later: it takes the place of the subshell
# that `&` makes, so that $! is its own id.  A shell without job control starts
# such processes with SIGINT ignored; recorders must get it back.
spawn_on_server() {
    if [ -n "$SERVER_NS" ]; then
        exec ip netns exec "$SERVER_NS" env --default-signal=INT,QUIT "$@"
    else
        exec env --default-signal=INT,QUIT "$@"
    fi
}

from_client() {
    ip netns exec "$CLIENT_NS" "$@"
}

traffic() {
    from_client "$LAB/traffic" "$@"
}

# namespace NAME: a further namespace, which lives as long as the run
namespace() {
    ip netns add "$1${SERVER_NS#dcs}"
    NAMESPACES="$NAMESPACES $1${SERVER_NS#dcs}"
    in_namespace "$1" ip link set lo up
}

in_namespace() {
    name=$1${SERVER_NS#dcs}
    shift
    ip netns exec "$name" "$@"
}

# frame KIND [options]: send raw frames from the client
frame() {
    traffic frame "$@"
}

# service KIND PORT [options]: returns when the service's socket is bound
service() {
    SERVERS="$SERVERS $(on_server "$LAB/server" "$@")"
}

# service_in NAMESPACE KIND PORT [options]: the same in a further namespace
service_in() {
    place=$1
    shift
    SERVERS="$SERVERS $(in_namespace "$place" "$LAB/server" "$@")"
}

# set_server NAME=VALUE...: sysctl settings of the server
set_server() {
    on_server sysctl -q -w "$@"
}

# wait_until SECONDS COMMAND...: poll until the command succeeds
wait_until() {
    deadline=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

file_has() {
    grep -q -s -a -e "$1" "$2"
}

# A pcap file holds its 24-byte header before the first record.
file_has_records() {
    [ "$(wc -c 2>/dev/null <"$1" || echo 0)" -gt 24 ]
}

# --- network -----------------------------------------------------------------

# plug NAMESPACE HOST-PART: names and addresses of one end of the cable
plug() {
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 address "02:00:00:00:00:0$2"
    ip -n "$1" addr add "10.0.0.$2/24" dev eth0
    ip -n "$1" addr add "fd00::$2/64" dev eth0 nodad
    ip -n "$1" link set eth0 up
}

no_tentative_address() {
    [ -z "$(on_server ip -6 addr show tentative)" ] &&
        [ -z "$(from_client ip -6 addr show tentative)" ]
}

network_up() {
    ip netns add "$CLIENT_NS"
    if [ -n "$SERVER_NS" ]; then
        ip netns add "$SERVER_NS"
        ip -n "$SERVER_NS" link add eth0 type veth peer name eth0 netns "$CLIENT_NS"
        plug "$SERVER_NS" 1
    else
        # `ip -n` needs a name even for the namespace we are in.
        ip netns attach server $$
        ip link add eth0 type veth peer name eth0 netns "$CLIENT_NS"
        plug server 1
    fi
    plug "$CLIENT_NS" 2
    wait_until 10 no_tentative_address || die "the IPv6 addresses stay tentative"
}

# --- recorders ---------------------------------------------------------------

TRACE=/sys/kernel/tracing/instances/dropcorr-lab-$$

trace_start() {
    [ -d /sys/kernel/tracing/instances ] || return 0
    mkdir "$TRACE"
    echo 4096 >"$TRACE/buffer_size_kb"
    echo 1 >"$TRACE/events/skb/kfree_skb/enable"
    echo 1 >"$TRACE/events/net/netif_receive_skb/enable"
    cat "$TRACE/events/skb/kfree_skb/format" >"$OUT/context/kfree_skb.format"
    {
        echo "realtime $(date +%s.%N)"
        echo "uptime $(cut -d' ' -f1 /proc/uptime)"
        echo "trace_clock $(sed 's/.*\[\(.*\)\].*/\1/' "$TRACE/trace_clock")"
    } >"$OUT/context/clock"
    cat "$TRACE/trace_pipe" >"$OUT/trace_pipe.txt" &
    trace_reader=$!
    RECORDERS="$RECORDERS $trace_reader"
}

# The pipe's reader has everything once it has a mark written after the rest.
trace_stop() {
    [ -d "$TRACE" ] || return 0
    echo dropcorr-lab-end >"$TRACE/trace_marker"
    wait_until 10 file_has dropcorr-lab-end "$OUT/trace_pipe.txt" ||
        say "the trace is incomplete"
    kill "$trace_reader"
    wait "$trace_reader" 2>/dev/null || true
    sed -i '/dropcorr-lab-end/d' "$OUT/trace_pipe.txt"
    trace_remove
}

trace_remove() {
    if [ -d "$TRACE" ]; then
        echo 0 >"$TRACE/events/enable" || true
        rmdir "$TRACE" || say "cannot remove $TRACE"
    fi
}

capture_start() {
    spawn_on_server tcpdump -i eth0 -n -U --immediate-mode --time-stamp-precision=nano \
        -Z root -w "$OUT/cap.pcap" 2>"$OUT/tcpdump.err" &
    capture=$!
    RECORDERS="$RECORDERS $capture"
    wait_until 10 file_has '^tcpdump: listening on' "$OUT/tcpdump.err" ||
        die "tcpdump does not start: $(cat "$OUT/tcpdump.err")"
}

# capture_also NAME [tcpdump options]: a further capture, cap-NAME.pcap, of what
# happens from now on until the last step.  For a scenario's first step.
capture_also() {
    name=$1
    shift
    # shellcheck disable=SC2094  # tcpdump writes, the shell only waits
    spawn_on_server tcpdump -n -U --immediate-mode --time-stamp-precision=nano \
        -Z root -w "$OUT/cap-$name.pcap" "$@" 2>"$OUT/tcpdump-$name.err" &
    RECORDERS="$RECORDERS $!"
    FURTHER_CAPTURES="$FURTHER_CAPTURES $!"
    wait_until 10 file_has '^tcpdump: listening on' "$OUT/tcpdump-$name.err" ||
        die "tcpdump does not start: $(cat "$OUT/tcpdump-$name.err")"
}

# dwdump starts the monitor before it writes its first record.
drops_start() {
    drop_file=$OUT/drops.pcap
    passive=
    case $DROPS in
    summary)
        drop_file=$OUT/drops-summary.pcap
        passive=-p
        ;;
    tools | bpf)
        tools_start
        passive=-p
        ;;
    esac
    # shellcheck disable=SC2086  # an empty word must vanish
    dwdump $passive -w "$drop_file" 2>"$OUT/dwdump.err" &
    monitor=$!
    RECORDERS="$RECORDERS $monitor"
    wait_until 10 file_has_records "$drop_file" ||
        die "dwdump does not start: $(cat "$OUT/dwdump.err")"
    case $DROPS in
    summary) dropwatch_start summary ;;
    tools | bpf) dropwatch_start packet ;;
    esac
}

# dropwatch_start MODE: it configures the monitor, of which there is one for all
# who listen.  It reads commands; a pipe that stays open keeps it listening.  Line
# buffering lets its own words tell when it is ready.
dropwatch_start() {
    mkfifo "$OUT/dropwatch.in"
    TZ=${TOOLS_ZONE:-UTC} env --default-signal=INT,QUIT stdbuf -oL dropwatch -l kas \
        <"$OUT/dropwatch.in" >"$OUT/dropwatch.txt" 2>&1 &
    dropwatch=$!
    RECORDERS="$RECORDERS $dropwatch"
    exec 8>"$OUT/dropwatch.in"
    echo "set alertmode $1" >&8
    echo "start" >&8
    wait_until 10 file_has 'monitoring activated' "$OUT/dropwatch.txt" ||
        die "dropwatch does not start: $(cat "$OUT/dropwatch.txt")"
}

dropwatch_stop() {
    kill -INT "$dropwatch"
    exec 8>&-
    wait "$dropwatch" 2>/dev/null || true
    rm -f "$OUT/dropwatch.in"
}

drops_stop() {
    if [ "$DROPS" = summary ]; then
        sleep 2 # the kernel holds a summary back for one second
    else
        wait_until 10 file_has "$MARK" "$drop_file" || say "the last drop was not recorded"
        dwdump -s >"$OUT/context/dwstats" 2>&1 || true
    fi
    case $DROPS in
    tools | bpf) tools_stop ;;
    esac
    [ "$DROPS" = packet ] || dropwatch_stop
    kill -INT "$monitor"
    wait "$monitor" 2>/dev/null || true
    case $DROPS in
    tools) tools_read ;;
    esac
}

live_start() {
    # shellcheck disable=SC2046  # one argument per line, none with spaces
    spawn_on_server "$LAB/live/run" -i eth0 -w "$OUT/ev.pcapng" --json --frames \
        $(cat "$LAB/live/args") >"$OUT/live.ndjson" 2>"$OUT/live.err" &
    live=$!
    RECORDERS="$RECORDERS $live"
    wait_until 60 file_has '^dropcorr: listening on eth0' "$OUT/live.err" ||
        die "the live binary does not start: $(cat "$OUT/live.err")"
}

live_gone() {
    ! kill -0 "$live" 2>/dev/null
}

live_has_mark() {
    file_has "$MARK" "$OUT/ev.pcapng" || live_gone
}

live_stop() {
    wait_until 20 live_has_mark || say "the last frame was not written"
    kill -INT "$live"
    # A watchdog, so that a hanging program does not cost the other recordings.
    (
        wait_until 60 live_gone || kill -KILL "$live"
    ) &
    watchdog=$!
    status=0
    wait "$live" || status=$?
    kill "$watchdog" 2>/dev/null || true
    wait "$watchdog" 2>/dev/null || true
    echo "$status" >"$OUT/live.status"
}

# The last frame is sent by the lab: when it has passed through every recorder,
# so has all that came before.  Its damaged IP header makes the kernel drop it,
# before any rule or state that a scenario may have set up.  A scenario whose
# recording people are to read has scenario_mark end it with a stray_mark, which
# nobody takes for trouble.
MARK=dropcorr-lab-end

send_mark() {
    if has_function scenario_mark; then
        scenario_mark
    else
        frame udp --sport 49999 --dport 9 --text "$MARK" --bad-ip-checksum
    fi
}

# Addressed to another machine's MAC, as a flooding switch delivers it.
stray_mark() {
    frame udp --sport 49999 --dport 9 --text "$MARK" --dmac 02:00:00:00:00:99
}

sample() {
    on_server "$LAB/context" "$OUT/context" sample "$1"
}

has_function() {
    command -v "$1" >/dev/null
}

# A scenario may want drops watched while nobody captures: its prelude runs
# between the samples `earlier` and `before`, with the drop monitor alone.
record_start() {
    on_server "$LAB/context" "$OUT/context" protocols
    if has_function scenario_prelude; then
        sample earlier
        [ "$DROPS" = none ] || drops_start
        step prelude
        scenario_prelude
    fi
    sample before
    trace_start
    if [ -e "$LAB/live/run" ]; then
        live_start
        return
    fi
    capture_start
    if [ "$DROPS" != none ] && ! has_function scenario_prelude; then
        drops_start
    fi
}

record_stop() {
    # What was asked last gets the second within which an answer is owed.
    sleep 2
    send_mark
    if [ -e "$LAB/live/run" ]; then
        live_stop
    else
        if [ "$DROPS" != none ]; then
            drops_stop
        fi
        wait_until 10 file_has "$MARK" "$OUT/cap.pcap" || say "the last frame was not captured"
        for pid in $capture $FURTHER_CAPTURES; do
            kill -INT "$pid"
            wait "$pid" 2>/dev/null || true
        done
    fi
    trace_stop
    sample after
    if has_function scenario_postlude; then
        step postlude
        scenario_postlude
        sample later
    fi
    on_server "$LAB/context" "$OUT/context" state
    RECORDERS=
}

# --- a run -------------------------------------------------------------------

# Ends what was started here, by process id, whatever state the run is in.
lab_cleanup() {
    for pid in $RECORDERS $SERVERS; do
        kill "$pid" 2>/dev/null || true
    done
    SERVERS=
    RECORDERS=
    for name in $NAMESPACES; do
        ip netns del "$name" 2>/dev/null || true
    done
    NAMESPACES=
    trace_remove
}

step() {
    echo "$(date +%s.%N) $1" >>"$OUT/truth.txt"
}

run_steps() {
    for name in $STEPS; do
        case " ${VM_ONLY:-} " in
        *" $name "*)
            if [ -n "$SERVER_NS" ]; then
                say "step $name left out: it would change the whole machine"
                continue
            fi
            ;;
        esac
        say "step $name"
        step "$name"
        "step_$(echo "$name" | tr - _)"
    done
    step end
}

lab_run() {
    mkdir -p "$OUT/context"
    : >"$OUT/truth.txt"
    case $DROPS in
    tools | bpf)
        # shellcheck source=lib/tools.sh
        . "$LAB/tools.sh"
        ;;
    esac
    # shellcheck source=/dev/null  # chosen at run time
    . "$LAB/scenarios/$1"
    network_up
    scenario_setup
    if has_function scenario_run; then
        scenario_run
    else
        record_start
        run_steps
        record_stop
    fi
    lab_cleanup
}
