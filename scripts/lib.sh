# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts in this folder share. Sourced, never run.

set -euo pipefail

LODGE_TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LODGE_CACHE=${LODGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lodge}
LODGE_ROOT=$LODGE_CACHE/workshop
export LODGE_TREE LODGE_CACHE LODGE_ROOT

# What no kernel log may have.
# shellcheck disable=SC2034 # used by those who source this
lodge_bad_log='BUG:|WARNING:|Call Trace|refcount_t:|unreferenced object|Oops|general protection|soft lockup|rcu.*stall|Kernel panic'

lodge_say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# lodge_die MESSAGE [STATUS]
lodge_die() {
	lodge_say "$1"
	exit "${2:-1}"
}

# The comment block under a script's shebang is its --help.
lodge_usage() {
	awk 'NR > 2 { if (!/^#/ || /^# shellcheck/) exit; sub(/^# ?/, ""); print }' "$0"
}

# Mounting and chroot need root: run the whole script again under sudo, with
# the caller's cache and LODGE_* settings. Arguments: the script's own.
lodge_need_root() {
	local keep

	[ "$(id -u)" -ne 0 ] || return 0
	command -v sudo >/dev/null ||
		lodge_die "needs root: run it as root, or install sudo"
	keep=$(compgen -v LODGE_ | paste -sd,)
	exec sudo --preserve-env="$keep" -- "$0" "$@"
}

# lodge_apt PACKAGE...: installs on this machine what is not there yet.
lodge_apt() {
	local missing=() p

	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null |
			grep -q 'install ok installed' || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	lodge_say "installing ${missing[*]}"
	apt-get -q update >&2
	DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
		--no-install-recommends "${missing[@]}" >&2
}

# lodge_in_root SETUP COMMAND...: runs COMMAND inside the workshop, in mount
# and PID name spaces of its own, so that nothing it mounts or leaves running
# outlives it. The workshop itself is read-only there. SETUP is shell code
# that runs before the change of root, with $root set, to add mounts. If
# LODGE_KERNEL is a kernel beside the workshop, its files show through.
lodge_in_root() {
	local setup=$1 beside=$LODGE_CACHE/kernels/${LODGE_KERNEL:-none}

	shift
	# shellcheck disable=SC2016,SC2086 # expanded by the inner shell; a list
	root=$LODGE_ROOT beside=$beside setup=$setup ${LODGE_WRAP:-} unshare --mount --pid --fork \
		--kill-child=KILL -- bash -euc '
		if [ -d "$beside" ]; then
			mount -t overlay -o "ro,lowerdir=$beside:$root" overlay "$root"
		else
			mount --bind "$root" "$root"
			mount -o remount,bind,ro "$root"
		fi
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount --rbind /sys "$root/sys"
		mount -t tmpfs -o mode=0755 tmpfs "$root/run"
		eval "$setup"
		exec env -u root -u setup -u beside chroot "$root" "$@"' bash "$@"
}

# The kernel that virtual hosts boot unless told otherwise.
lodge_default_kernel() {
	local k

	for k in "$LODGE_ROOT"/boot/vmlinuz-*-amd64; do
		basename "${k#*/vmlinuz-}"
	done | sort -V | tail -n 1
}

# The folder where things for kernel $1 are built: /build in the workshop and
# in virtual hosts.
lodge_build_dir() {
	echo "${LODGE_BUILD:-$LODGE_CACHE/build/$1}"
}

# lodge_kernel [NAME]: sets LODGE_KERNEL to the kernel's version. NAME is a
# version, or SUITE or SUITE:FLAVOUR for a kernel beside the workshop; without
# it, it is the workshop's own. Sets lodge_vmlinuz too. Fails with a message.
lodge_kernel() {
	local beside=$LODGE_CACHE/kernels version=${1:-$(lodge_default_kernel)}

	[ ! -L "$beside/$version" ] || version=$(readlink "$beside/$version")
	for lodge_vmlinuz in {"$beside/$version","$LODGE_ROOT"}/boot/"vmlinuz-$version"; do
		[ -f "$lodge_vmlinuz" ] || continue
		export LODGE_KERNEL=$version
		return
	done
	lodge_say "no kernel $version here; there are:" \
		"$(cd "$LODGE_CACHE" && find workshop/boot kernels/*/boot \
			-name 'vmlinuz-*' -printf '%f ' 2>/dev/null | sed 's/vmlinuz-//g')"
	lodge_say "\"scripts/workshop kernel SUITE\" fetches more"
	return 1
}

# lodge_initramfs VERSION INIT MODULE...: prints the path of an initramfs with
# busybox, the MODULEs with what they need, and INIT; made when it is not there
# yet.
lodge_initramfs() {
	local kernel=$1 init=$2 file key

	shift 2
	key=$(cat "$init" "$LODGE_ROOT/.lodge-stamp" - <<<"$*" | sha256sum | cut -c 1-12)
	file=$LODGE_CACHE/initramfs/$kernel-$key.cpio
	if [ ! -f "$file" ]; then
		mkdir -p "${file%/*}"
		# shellcheck disable=SC2016 # expanded by the inner shell
		lodge_in_root 'mount -t tmpfs tmpfs "$root/tmp"' \
			sh -euc '
			kernel=$1
			shift
			mkdir -p /tmp/i/bin /tmp/i/modules
			cd /tmp/i
			cp /bin/busybox bin/
			cat >init
			chmod +x init
			n=100
			modprobe -a -S "$kernel" --show-depends "$@" |
				awk "/^insmod/ && !seen[\$2]++ { print \$2 }" |
				while read -r ko; do
					n=$((n + 1))
					xzcat -f "$ko" >"modules/$n-$(basename "${ko%.xz}")"
				done
			find . | cpio -o -H newc --quiet' \
			sh "$kernel" "$@" <"$init" >"$file.$$"
		mv "$file.$$" "$file"
	fi
	echo "$file"
}

# lodge_guest_initramfs VERSION: puts what scripts/guest boots into /build.
lodge_guest_initramfs() {
	local build file

	build=$(lodge_build_dir "$1")
	file=$(lodge_initramfs "$1" "$LODGE_TREE/scripts/guest-init" \
		virtio_blk virtio_pci)
	mkdir -p "$build"
	cmp -s "$file" "$build/guest.cpio" || cp "$file" "$build/guest.cpio"
}
