# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the tests in this folder.

# expect_refusal ERRNO TEXT COMMAND...: loading the module fails with ERRNO and
# exactly one line of the module in the kernel's log, which has TEXT.
expect_refusal() {
	local errno=$1 text=$2 lines words

	shift 2
	words=$(python3 -c 'import errno, os, sys
print(os.strerror(getattr(errno, sys.argv[1])))' "$errno")
	echo "expecting \"$text\"" >/dev/kmsg
	if "$@" 2>/tmp/refusal; then
		echo "it was loaded"
		return 1
	fi
	cat /tmp/refusal
	lines=$(dmesg | sed "1,/expecting \"$text\"/d" | grep 'lodge: ' |
		grep -v 'module verification failed\|loading out-of-tree' || :)
	echo "$lines"
	if ! grep -q "$words" /tmp/refusal; then
		echo "not refused with $errno ($words)"
		return 1
	fi
	if [ -e /dev/lodge ] || [ -d /sys/module/lodge ]; then
		echo "something of it is left"
		return 1
	fi
	if [ "$(wc -l <<<"$lines")" -ne 1 ] || ! grep -q "$text" <<<"$lines"; then
		echo "the kernel's log should have one line with \"$text\""
		return 1
	fi
}

# kvm_works: stock KVM can make a virtual machine.
kvm_works() {
	python3 -c 'import fcntl, os
os.close(fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xae01, 0))'
}
