# shellcheck shell=sh
# debian.sh: packages of a Debian suite, for a kernel series, with an apt state of
# its own: neither the machine's package lists nor its installed packages are
# touched, and nothing is installed.  Sourced by fetch-kernel and fetch-tools,
# which define `die`.
#
# Environment: DROPCORR_LAB_CACHE  where everything is kept (default build/lab)
#              DROPCORR_DEBIAN_MIRROR, DROPCORR_SECURITY_MIRROR

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_suite_of SERIES: the suite that carries it, or nothing
debian_suite_of() {
    case $1 in
    5.10) echo bullseye ;;
    6.1) echo bookworm ;;
    6.12) echo trixie ;;
    esac
}

# debian_use CACHE SUITE: what the other functions speak of
debian_use() {
    for tool in apt-get apt-cache dpkg dpkg-deb depmod flock; do
        command -v "$tool" >/dev/null || die "$tool is missing (install the packages in scripts/packages-lab)"
    done
    [ -r "$keyring" ] || die "$keyring is missing (install debian-archive-keyring)"
    suite=$2
    apt=$1/apt-$suite
}

# debian_update: reads the suite's package lists
debian_update() {
    mirror=${DROPCORR_DEBIAN_MIRROR:-http://deb.debian.org/debian}
    security=${DROPCORR_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    {
        echo "deb [signed-by=$keyring] $mirror $suite main"
        echo "deb [signed-by=$keyring] $mirror $suite-updates main"
        echo "deb [signed-by=$keyring] $security $suite-security main"
    } >"$apt/sources.list"
    apt_run apt-get update >"$apt/update.log" 2>&1 ||
        die "cannot read the package lists of $suite from $mirror: $(tail -n 1 "$apt/update.log")"
}

apt_run() {
    program=$1
    shift
    "$program" -q \
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::Lists="$apt/lists" -o Dir::State::status="$apt/status" \
        -o Dir::Cache="$apt/cache" -o APT::Architecture=amd64 -o APT::Architectures=amd64 \
        -o APT::Sandbox::User=root "$@"
}
