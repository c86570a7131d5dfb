#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usage: scripts/probe.sh SRCTREE OBJTREE SRCARCH >probe.h
#
# Says which of the kernel interfaces that Lodge uses differ here, by looking
# into the kernel's headers (SRCTREE, OBJTREE) instead of at its version:
# stable and vendor kernels carry changes back. src/compat.h builds on it.

set -eu

src=$1 obj=$2 arch=$3

# has NAME FILE PATTERN: defines LODGE_HAVE_NAME if FILE has a line like it.
has() {
	if [ -f "$2" ] && grep -qE -- "$3" "$2"; then
		echo "#define LODGE_HAVE_$1 1"
	fi
}

# exported NAME SYMBOL: the same, if modules of any name may use SYMBOL.
exported() {
	has "$1" "$obj/Module.symvers" \
		"^0x[0-9a-f]+	$2	[^	]+	EXPORT_SYMBOL(_GPL)?	*\$"
}

linux=$src/include/linux
asm=$src/arch/$arch/include/asm

echo '/* SPDX-License-Identifier: GPL-2.0 */'
echo '/* Made by scripts/probe.sh from the headers of the kernel. */'

has ANON_INODE_FMODE $linux/anon_inodes.h 'anon_inode_getfile_fmode'
has ENTRY_VIRT_H $linux/entry-virt.h 'xfer_to_guest_mode_handle_work\(void\)'
has EVENTFD_SIGNAL_1 $linux/eventfd.h 'void eventfd_signal\(struct eventfd_ctx \*ctx\)'
has FOLL_HONOR_NUMA_FAULT $linux/mm_types.h '^[[:space:]]*FOLL_HONOR_NUMA_FAULT'
has FOLL_INTERRUPTIBLE $linux/mm_types.h '^[[:space:]]*FOLL_INTERRUPTIBLE'
has FOLLOW_PFNMAP $linux/mm.h 'follow_pfnmap_start'
has HRTIMER_SETUP $linux/hrtimer.h 'hrtimer_setup\('
has IMMEDIATE_EXIT_UNSAFE $src/include/uapi/linux/kvm.h 'HINT_UNSAFE_IN_KVM\(immediate_exit\)'
has NOTIFIER_AGE_BOOL $linux/mmu_notifier.h 'bool \(\*clear_flush_young\)'
has PMD_SPECIAL $linux/mm.h 'bool pmd_special\('
has RCU_VIRT_SWITCH_VOID $linux/rcutree.h 'rcu_virt_note_context_switch\(void\)'
has REGISTER_SYSCORE $linux/syscore_ops.h 'void register_syscore\('
has RSEQ_VIRT_EXIT $linux/rseq.h 'rseq_virt_userspace_exit\(void\)'
has SNAPSHOT_ID $linux/timekeeping.h 'ktime_get_snapshot_id\('
has TRACE_IPI_H $src/include/trace/events/ipi.h 'ipi_send_cpu'
has VM_FLAGS_SET $linux/mm.h 'void vm_flags_set\('
has XFER_TO_GUEST_MODE $linux/entry-kvm.h 'int xfer_to_guest_mode_handle_work\(struct kvm_vcpu'

if [ "$arch" = x86 ]; then
	has RDMSRQ $asm/msr.h 'rdmsrq\('
	has CPUID_API_H $asm/cpuid/api.h cpuid_eax
	exported EMERGENCY_CALLBACK cpu_emergency_register_virt_callback
fi
