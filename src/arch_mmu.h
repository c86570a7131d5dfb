/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contract, memory: the stage-2 format and what it means to change it.
 */
#ifndef LODGE_ARCH_MMU_H
#define LODGE_ARCH_MMU_H

#include "stage2.h"
#include "types.h"

struct lodge_memslot;
struct lodge_vm;

/* The format of this machine's stage-2 tables. */
const struct lodge_stage2_format *lodge_arch_mmu_format(void);

/* Flush stage-2 translations of all of @vm's vCPUs. Context: mmu_lock held, any mode but NMI. Returns when done or when every vCPU will flush before it enters. */
void lodge_arch_mmu_flush(struct lodge_vm *vm);

/* First gfn that cannot be backed: slots must lie below. */
gfn_t lodge_arch_mmu_gfn_limit(void);

/* KVM_MEM_* flags that slots may have here. */
u32 lodge_arch_memslot_flags(struct lodge_vm *vm);

/* enum lodge_stage2_memtype for a leaf; @is_ram false for device memory of the host. */
u8 lodge_arch_mmu_memtype(struct lodge_vm *vm, bool is_ram);

/*
 * Atomic compare and exchange in user memory of 1, 2, 4 or 8 bytes, naturally aligned. @old is updated with what was
 * there. Context: may sleep. 0 exchanged, 1 not equal, -EFAULT, -EINVAL on another size.
 */
int lodge_arch_cmpxchg_user(void __user *p, u64 *old, u64 new, unsigned int bytes);

#endif
