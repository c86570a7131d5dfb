/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contract, vCPU: life, ioctls, and the hooks of the run loop (vcpu.c).
 */
#ifndef LODGE_ARCH_VCPU_H
#define LODGE_ARCH_VCPU_H

#include <linux/types.h>

struct lodge_vcpu;
struct lodge_vm;

/* Why the vCPU's thread leaves the inner loop for good. */
enum lodge_depart {
	LODGE_DEPART_USER,	/* KVM_RUN returns */
	LODGE_DEPART_SLEEP,	/* about to sleep or to handle an exit that may */
	LODGE_DEPART_PREEMPT,	/* reschedule or softirq pending */
};

/* What the inner loop does next. */
enum lodge_fast {
	LODGE_FAST_REENTER,	/* exit is done; enter again */
	LODGE_FAST_LEAVE,	/* the outer loop handles the exit */
};

/* -EINVAL: no vCPU with this id on this VM. Context: may sleep, vm->lock held. */
int lodge_arch_vcpu_precreate(struct lodge_vm *vm, unsigned int id);
/* Context: may sleep. Pair: lodge_arch_vcpu_destroy(). -ENOMEM. */
int lodge_arch_vcpu_create(struct lodge_vcpu *vcpu);
void lodge_arch_vcpu_destroy(struct lodge_vcpu *vcpu);

/*
 * vCPU ioctls that the core does not know; vcpu->mutex and the VM's SRCU held, may sleep. Unknown: what KVM answers (x86: -EINVAL).
 */
long lodge_arch_vcpu_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, unsigned long arg);
/* Ioctls that must not wait for vcpu->mutex (they act on a running vCPU); -ENOIOCTLCMD: none of these. */
long lodge_arch_vcpu_async_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, unsigned long arg);

/* Start and end of every KVM_RUN; may sleep, SRCU held. begin: kvm_run inputs (sync_regs); 0 or -errno. end: kvm_run outputs, on every return. */
int lodge_arch_vcpu_run_begin(struct lodge_vcpu *vcpu);
void lodge_arch_vcpu_run_end(struct lodge_vcpu *vcpu);

/*
 * Outer loop, before the inner one: requests, anything that may sleep. SRCU held.
 * LODGE_RESUME_GUEST, LODGE_EXIT_TO_USER (window, pending exit) or -errno.
 */
int lodge_arch_vcpu_prepare(struct lodge_vcpu *vcpu);
/* Outer loop, after the inner one left with LODGE_FAST_LEAVE: the exit may sleep. SRCU held. Same values. */
int lodge_arch_vcpu_handle_exit(struct lodge_vcpu *vcpu);

/*
 * Inner loop. All with preemption and bottom halves off.
 * arrive: interrupts on; another CPU than last time, or another vCPU ran here.
 * begin/end: interrupts off; guest FPU and lazily switched registers in and out. end is always followed by depart.
 * enter: interrupts off before and after; injects, enters, returns with the exit recorded. An external interrupt
 *        that ended the guest is still pending then; the loop opens interrupts next.
 * handle_exit_fast: interrupts off; page faults disabled; never sleeps; raw spinlocks only.
 * depart: interrupts on; preemption still off.
 */
void lodge_arch_vcpu_arrive(struct lodge_vcpu *vcpu, int cpu);
void lodge_arch_vcpu_inner_begin(struct lodge_vcpu *vcpu);
void lodge_arch_vcpu_enter(struct lodge_vcpu *vcpu);
enum lodge_fast lodge_arch_vcpu_handle_exit_fast(struct lodge_vcpu *vcpu);
void lodge_arch_vcpu_inner_end(struct lodge_vcpu *vcpu);
void lodge_arch_vcpu_depart(struct lodge_vcpu *vcpu, enum lodge_depart why);

/* Architecture's requests that make the inner loop leave; else they wait for enter. Context: any. */
bool lodge_arch_vcpu_wants_outer(struct lodge_vcpu *vcpu);

/* The part of /dev/lodge's vCPU mapping after the run page: page or NULL. @pgoff in pages. */
struct page *lodge_arch_vcpu_mmap_page(struct lodge_vcpu *vcpu, unsigned long pgoff);

#endif
