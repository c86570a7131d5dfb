# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the tests in this folder.

# expect_refusal ERRNO TEXT [PARAMETER...]: loading the module fails with ERRNO
# and exactly one line of the module in the kernel's log, which has TEXT.
# insmod would not tell: it has its own words for some errors.
expect_refusal() {
	local errno=$1 text=$2 lines mark=refusal-$RANDOM

	shift 2
	echo "$mark: expecting \"$text\"" >/dev/kmsg
	python3 - "$errno" "$*" <<-'PY'
		import ctypes
		import errno
		import os
		import sys

		FINIT_MODULE = 313
		libc = ctypes.CDLL(None, use_errno=True)
		module = os.open("/build/lodge.ko", os.O_RDONLY)
		status = libc.syscall(FINIT_MODULE, module, sys.argv[2].encode(), 0)
		got = ctypes.get_errno() if status else 0
		print("loading it:", os.strerror(got), flush=True)
		sys.exit(got != getattr(errno, sys.argv[1]))
	PY
	lines=$(dmesg | sed "0,/$mark/d" | grep 'lodge: ' |
		grep -v 'module verification failed\|loading out-of-tree' || :)
	echo "$lines"
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
