/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VM object: what all vCPUs share.
 *
 * Lock tags of members: [I] set before the VM is published, then constant;
 * [V] vm->lock; [S] vm->slots_lock, readers under vm->srcu; [M] vm->mmu_lock;
 * [N] vm->mn_lock; [a] atomic or single word, see the member.
 */
#ifndef LODGE_VM_H
#define LODGE_VM_H

#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/xarray.h>
#include "arch_types.h"
#include "io_bus.h"
#include "memslot.h"
#include "stage2.h"
#include "stats.h"
#include "types.h"

/**
 * struct lodge_address_space - one view of guest physical memory
 * @slots:  current slots array [S]
 * @stage2: its tree [M]
 */
struct lodge_address_space {
	struct lodge_memslots __rcu *slots;
	struct lodge_stage2 stage2;
};

struct lodge_vm {
	refcount_t users;			/* [a] files and vCPUs */
	struct mm_struct *mm;			/* [I] the VMM's; mmgrab()bed */
	struct mutex lock;			/* outermost: vCPU list, irqchip, caps */
	struct mutex slots_lock;		/* slots, buses */
	struct srcu_struct srcu;		/* readers of slots and buses */
	rwlock_t mmu_lock;			/* all stage-2 trees */
	unsigned long type;			/* [I] argument of KVM_CREATE_VM */
	bool dead;				/* [a] READ_ONCE; never cleared */

	struct lodge_address_space as[LODGE_MAX_AS];	/* see members */

	struct mmu_notifier mn;			/* [I] */
	spinlock_t mn_lock;
	unsigned long mn_seq;			/* [M] counts finished invalidations */
	unsigned int mn_active;			/* [M] invalidations in flight, seen by faults */
	hva_t mn_start;				/* [M] union of ranges in flight */
	hva_t mn_end;				/* [M] */
	unsigned int mn_inflight;		/* [N] seen by slot swaps */
	struct rcuwait mn_wait;			/* [N] the one swapper, under slots_lock */

	struct xarray vcpus;			/* [V] by index; readers by RCU */
	unsigned int created_vcpus;		/* [V] reserved */
	unsigned int online_vcpus;		/* [a] published with release */

	struct lodge_io_bus __rcu *buses[LODGE_NR_BUSES];	/* [S] */
	struct list_head ioeventfds;		/* [S] */
	struct list_head coalesced_zones;	/* [S] */
	struct kvm_coalesced_mmio_ring *coalesced_ring;	/* [I] page mapped by user space: hostile */
	raw_spinlock_t coalesced_lock;		/* one writer of the ring; taken in the inner loop */

	struct lodge_vm_stats stats;		/* [a] */
	char stats_id[LODGE_STATS_NAME_SIZE];	/* [I] kvm-PID */

	struct lodge_vm_arch arch;
};

/* What all VMs share. Context: module init and exit, may sleep. init: 0 or -ENOMEM, explained in the log. */
int lodge_vm_init(void);
void lodge_vm_exit(void);

/* Files and vCPUs hold references. Context: put may sleep. */
struct lodge_vm *lodge_vm_get(struct lodge_vm *vm);
void lodge_vm_put(struct lodge_vm *vm);

/**
 * lodge_vm_create() - KVM_CREATE_VM
 * @type: the ioctl's argument
 *
 * Context: may sleep. Return: a file descriptor, or -EINVAL (type), -ENOMEM, ...
 */
int lodge_vm_create(unsigned long type);

/* Mark dead and make every vCPU leave with -EIO. Context: any but NMI. Reports once, with @why. */
void lodge_vm_kill(struct lodge_vm *vm, const char *why);

/* -EIO if the VM is dead or current->mm is not the VM's, else 0. */
int lodge_vm_usable(struct lodge_vm *vm);

/* The flush of all vCPUs' translations for this VM; waits until none runs on stale ones. Context: mmu_lock may be held. */
void lodge_vm_flush_tlbs(struct lodge_vm *vm);

/* Capability values common to all architectures first, then the architecture's. @vm NULL on the system file. */
int lodge_vm_check_extension(struct lodge_vm *vm, long cap);

#define lodge_vm_for_each_vcpu(idx, vcpu, vm) \
	xa_for_each(&(vm)->vcpus, idx, vcpu)

#endif
