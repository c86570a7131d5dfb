// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs that guests reach without an exit: those that VMLOAD and VMSAVE switch.
 *
 * The permission map has two bits for each MSR, read and write; a set bit
 * makes the access an exit. It covers three ranges of 8,192 MSRs.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <asm/msr-index.h>

#include "msr.h"
#include "msr_filter.h"
#include "vm.h"

#define RANGE_MSRS	0x2000u
#define BITS_PER_MSR	2

static const u32 range_first[] = { 0, 0xc0000000, 0xc0010000 };

static const u32 passed[] = {
	MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP,
	MSR_STAR,
	MSR_LSTAR,
	MSR_CSTAR,
	MSR_SYSCALL_MASK,
	MSR_FS_BASE,
	MSR_GS_BASE,
	MSR_KERNEL_GS_BASE,
};

static unsigned int map_bit(u32 index, bool write)
{
	unsigned int range = 0;

	while (index - range_first[range] >= RANGE_MSRS)
		range++;
	return (range * RANGE_MSRS + index - range_first[range]) * BITS_PER_MSR + write;
}

static void put_bit(unsigned long *msrpm, u32 index, bool write, bool pass)
{
	unsigned int bit = map_bit(index, write);

	if (pass)
		clear_bit(bit, msrpm);
	else
		set_bit(bit, msrpm);
}

/**
 * lodge_msr_fill_permission_map() - let guests have the MSRs that the world switch switches
 * @msrpm: permission map, all ones
 *
 * Context: any.
 */
void lodge_msr_fill_permission_map(unsigned long *msrpm)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(passed); i++) {
		put_bit(msrpm, passed[i], false, true);
		put_bit(msrpm, passed[i], true, true);
	}
}

/**
 * lodge_msr_passthrough_filter() - the VM's filter was changed
 * @vm: the VM
 *
 * Context: vm->lock. Running guests see it with their next access.
 */
void lodge_msr_passthrough_filter(struct lodge_vm *vm)
{
	unsigned int i;

	lockdep_assert_held(&vm->lock);
	for (i = 0; i < ARRAY_SIZE(passed); i++) {
		put_bit(vm->arch.msrpm, passed[i], false, lodge_msr_filter_allows(vm, passed[i], false));
		put_bit(vm->arch.msrpm, passed[i], true, lodge_msr_filter_allows(vm, passed[i], true));
	}
}
