/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vCPU object and the one run loop.
 *
 * Lock tags: [I] constant after creation; [m] vcpu->mutex (the thread in
 * KVM_RUN holds it); [a] atomic, see the member.
 */
#ifndef LODGE_VCPU_H
#define LODGE_VCPU_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/signal_types.h>
#include "arch_types.h"
#include "stage2.h"
#include "stats.h"
#include "types.h"

struct lodge_vm;
struct file;

/* Where the vCPU's thread is; written with smp_store_mb() on the way in. */
enum lodge_vcpu_mode {
	LODGE_OUTSIDE_GUEST,	/* kick: nothing to do, requests are seen before entry */
	LODGE_IN_GUEST,		/* kick: IPI */
	LODGE_EXITING_GUEST,	/* IPI sent, or leaving */
};

/* Bits of vcpu->requests. Architectures number theirs from LODGE_REQ_ARCH_BASE. */
enum lodge_request {
	LODGE_REQ_VM_DEAD,	/* never cleared */
	LODGE_REQ_TLB_FLUSH,	/* forget translations before the next entry */
	LODGE_REQ_KICK,		/* leave the inner loop once */
	LODGE_REQ_ARCH_BASE,
};

struct lodge_vcpu {
	struct lodge_vm *vm;			/* [I] holds a reference */
	unsigned int id;			/* [I] KVM_CREATE_VCPU's argument */
	unsigned int idx;			/* [I] order of creation */
	struct mutex mutex;			/* one ioctl at a time */
	struct kvm_run *run;			/* [I] page shared with user space: hostile */
	void *pio_data;				/* [I] page shared with user space: hostile */
	u64 serial;				/* [I] never used twice: tells vCPUs apart on a CPU */
	int cpu;				/* [a] CPU of the last arrival, -1 if none */
	int mode;				/* [a] enum lodge_vcpu_mode */
	unsigned long requests;			/* [a] bits */
	bool srcu_held;				/* [m] */
	int srcu_idx;				/* [m] */
	bool sigset_active;			/* [m] */
	sigset_t sigset;			/* [m] KVM_SET_SIGNAL_MASK */
	void *guest_work;			/* [I] compat.h: lodge_guest_work_new() */

	/* [m] Finishes the exit that went to user space; called once, at the next KVM_RUN. */
	int (*complete_userspace_io)(struct lodge_vcpu *vcpu);

	struct lodge_stage2_cache table_cache;	/* [m] */
	struct lodge_vcpu_stats stats;		/* [m] written by the vCPU's thread */
	char stats_id[LODGE_STATS_NAME_SIZE];	/* [I] kvm-PID/vcpu-N */

	struct lodge_vcpu_arch arch;		/* [m] */
};

/**
 * lodge_vcpu_create() - KVM_CREATE_VCPU
 * @vm: the VM; caller has checked that it is usable
 * @id: vCPU id
 *
 * Context: may sleep; takes vm->lock.
 * Return: file descriptor; -EINVAL (id or count too large), -EEXIST (id taken), -ENOMEM.
 */
int lodge_vcpu_create(struct lodge_vm *vm, unsigned long id);
/* All vCPUs of a VM whose last reference is gone. Context: may sleep. */
void lodge_vcpu_destroy_all(struct lodge_vm *vm);

/* Members that the run loop owns; called by creation before the vCPU is visible. */
void lodge_vcpu_init_run(struct lodge_vcpu *vcpu);

/**
 * lodge_vcpu_run() - KVM_RUN
 * @vcpu: the vCPU
 *
 * Context: may sleep; vcpu->mutex held. Return: 0 with kvm_run filled in; -EINTR, -EIO (VM dead), -EFAULT, ...
 */
int lodge_vcpu_run(struct lodge_vcpu *vcpu);

/* Make the vCPU's thread leave guest mode soon. Context: any but NMI, with preemption on or off. */
void lodge_vcpu_kick(struct lodge_vcpu *vcpu);
/* Set a request; the caller kicks if it matters when. Orders all earlier writes before the bit. */
void lodge_vcpu_request(struct lodge_vcpu *vcpu, unsigned int req);
/* Test and clear. Pairs with lodge_vcpu_request(). */
bool lodge_vcpu_take_request(struct lodge_vcpu *vcpu, unsigned int req);

/* The vCPU's file, for KVM_GET_STATS_FD and the like; NULL if @file is not one. */
struct lodge_vcpu *lodge_vcpu_from_file(struct file *file);

/* SRCU around everything of KVM_RUN that is not guest mode, halt or user space. Context: the vCPU's thread. */
void lodge_vcpu_srcu_lock(struct lodge_vcpu *vcpu);
void lodge_vcpu_srcu_unlock(struct lodge_vcpu *vcpu);

#endif
