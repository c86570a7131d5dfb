// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory on x86: nested paging in the host's own paging mode.
 */
#include <linux/kvm.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/processor.h>
#include <asm/special_insns.h>

#include "arch_mmu.h"
#include "compat.h"
#include "npt.h"
#include "vm.h"

/**
 * lodge_arch_mmu_format() - the format of nested page tables here
 *
 * The processor walks them in the paging mode that CR4 selects at VMRUN, which
 * is the same for all of a host's life. Context: any.
 */
const struct lodge_stage2_format *lodge_arch_mmu_format(void)
{
	return native_read_cr4() & X86_CR4_LA57 ? &lodge_npt_format_5level : &lodge_npt_format_4level;
}

/**
 * lodge_arch_mmu_flush() - no vCPU uses translations from before the call
 * @vm: the VM
 *
 * Translations are tagged by ASID, which only its vCPU can give up, so each has
 * to do it itself. Context: interrupts on; vm->mmu_lock held.
 */
void lodge_arch_mmu_flush(struct lodge_vm *vm)
{
	lockdep_assert_held(&vm->mmu_lock);
	lodge_vm_flush_tlbs(vm);
}

/**
 * lodge_arch_mmu_gfn_limit() - first frame that no slot can have
 *
 * Bound by what the processor says an address may be, before what memory
 * encryption takes from the host's own, and by the format. Context: any.
 */
gfn_t lodge_arch_mmu_gfn_limit(void)
{
	unsigned int bits = boot_cpu_data.x86_phys_bits;

	if (boot_cpu_data.extended_cpuid_level >= 0x80000008)
		bits = cpuid_eax(0x80000008) & 0xff;
	return min(1ULL << bits, lodge_stage2_limit(lodge_arch_mmu_format())) >> PAGE_SHIFT;
}

/**
 * lodge_arch_memslot_flags() - flags that a slot may have
 * @vm: the VM
 *
 * Context: any. Return: KVM_MEM_*.
 */
u32 lodge_arch_memslot_flags(struct lodge_vm *vm)
{
	return KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;
}

/**
 * lodge_arch_mmu_memtype() - memory type of a leaf
 * @vm: the VM
 * @is_ram: false for device memory of the host
 *
 * The guest's PAT decides beneath normal memory, and cannot make device memory
 * cached. Context: any.
 */
u8 lodge_arch_mmu_memtype(struct lodge_vm *vm, bool is_ram)
{
	return is_ram ? LODGE_STAGE2_MEM_NORMAL : LODGE_STAGE2_MEM_DEVICE;
}

#define CMPXCHG_USER(type, p, old, new)	({				\
	type expected = *(old);						\
	int r = __try_cmpxchg_user((type __user *)(p), &expected,	\
				   (type)(new), fault_##type);		\
	*(old) = expected;						\
	r;								\
})

/**
 * lodge_arch_cmpxchg_user() - compare and exchange in user memory
 * @p: naturally aligned
 * @old: in: what to expect; out: what was there
 * @new: what to put there
 * @bytes: 1, 2, 4 or 8
 *
 * Context: may sleep. @p was checked to be in user space.
 * Return: 0 exchanged, 1 not equal, -EFAULT, -EINVAL (size).
 */
int lodge_arch_cmpxchg_user(void __user *p, u64 *old, u64 new, unsigned int bytes)
{
	switch (bytes) {
	case 1:
		return CMPXCHG_USER(u8, p, old, new);
	case 2:
		return CMPXCHG_USER(u16, p, old, new);
	case 4:
		return CMPXCHG_USER(u32, p, old, new);
	case 8:
		return CMPXCHG_USER(u64, p, old, new);
	default:
		return -EINVAL;
	}
}
