// SPDX-License-Identifier: GPL-2.0
/*
 * The run loop, and what makes a vCPU leave it.
 *
 * The outer loop may sleep. The inner loop runs with bottom halves (and so
 * preemption) off: guest FPU and lazily switched registers stay loaded there
 * from one entry to the next.
 */
#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/interrupt.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "arch_vcpu.h"
#include "compat.h"
#include "guest_state.h"
#include "guest_work.h"
#include "vcpu.h"
#include "vm.h"

/* Which vCPU ran last on this CPU, by serial: a pointer could be a new vCPU in old memory. */
static DEFINE_PER_CPU(u64, last_serial);
static atomic64_t next_serial = ATOMIC64_INIT(0);

/**
 * lodge_vcpu_init_run() - set up the members that the run loop owns
 * @vcpu: a new vCPU
 *
 * Context: any; nobody else knows the vCPU yet.
 */
void lodge_vcpu_init_run(struct lodge_vcpu *vcpu)
{
	vcpu->serial = atomic64_inc_return(&next_serial);
	vcpu->cpu = -1;
	vcpu->mode = LODGE_OUTSIDE_GUEST;
}

/**
 * lodge_vcpu_request() - ask for something before the next entry
 * @vcpu: the vCPU
 * @req: bit of enum lodge_request or the architecture's
 *
 * Everything written before is seen by who takes the request. Context: any.
 */
void lodge_vcpu_request(struct lodge_vcpu *vcpu, unsigned int req)
{
	smp_wmb();	/* pairs with lodge_vcpu_take_request() */
	set_bit(req, &vcpu->requests);
}

/**
 * lodge_vcpu_take_request() - test and clear a request
 * @vcpu: the vCPU
 * @req: bit
 *
 * Context: any. Return: true if it was set.
 */
bool lodge_vcpu_take_request(struct lodge_vcpu *vcpu, unsigned int req)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	smp_mb__after_atomic();	/* pairs with lodge_vcpu_request() */
	return true;
}

/**
 * lodge_vcpu_kick() - make the vCPU's thread look at its requests
 * @vcpu: the vCPU
 *
 * Outside guest mode nothing is to be done: requests are looked at after
 * the mode was set to LODGE_IN_GUEST. Context: any but NMI.
 */
void lodge_vcpu_kick(struct lodge_vcpu *vcpu)
{
	int cpu, me = get_cpu();

	if (cmpxchg(&vcpu->mode, LODGE_IN_GUEST, LODGE_EXITING_GUEST) == LODGE_IN_GUEST) {
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu != me)
			lodge_send_reschedule(cpu);
	}
	put_cpu();
}

/**
 * lodge_vcpu_srcu_lock() - start reading slots and buses
 * @vcpu: the vCPU
 *
 * Context: the vCPU's thread. Pair: lodge_vcpu_srcu_unlock().
 */
void lodge_vcpu_srcu_lock(struct lodge_vcpu *vcpu)
{
	WARN_ON_ONCE(vcpu->srcu_held);
	vcpu->srcu_idx = srcu_read_lock(&vcpu->vm->srcu);
	vcpu->srcu_held = true;
	__release(&vcpu->vm->srcu);	/* for sparse: dropped and taken again in the middle of functions */
}

/**
 * lodge_vcpu_srcu_unlock() - stop reading slots and buses
 * @vcpu: the vCPU
 *
 * Context: the vCPU's thread.
 */
void lodge_vcpu_srcu_unlock(struct lodge_vcpu *vcpu)
{
	WARN_ON_ONCE(!vcpu->srcu_held);
	vcpu->srcu_held = false;
	__acquire(&vcpu->vm->srcu);	/* for sparse */
	srcu_read_unlock(&vcpu->vm->srcu, vcpu->srcu_idx);
}

/* The mask of KVM_SET_SIGNAL_MASK is in force for as long as KVM_RUN lasts. */
static void swap_sigset(struct lodge_vcpu *vcpu, sigset_t *saved)
{
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, saved);
}

static void restore_sigset(struct lodge_vcpu *vcpu, sigset_t *saved)
{
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, saved, NULL);
}

static int leave_for_signal(struct lodge_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	vcpu->stats.signal_exits++;
	return -EINTR;
}

/* Whatever would be done on the way to user space: reschedule, signals, task work. */
static int before_entry(struct lodge_vcpu *vcpu)
{
	int r = LODGE_RESUME_GUEST;

	if (READ_ONCE(vcpu->vm->dead))
		return -EIO;
	if (likely(!lodge_guest_work_pending()))
		return r;
	if (signal_pending(current))
		return leave_for_signal(vcpu);

	lodge_vcpu_srcu_unlock(vcpu);
	if (lodge_guest_work_run(vcpu->guest_work))
		r = leave_for_signal(vcpu);
	lodge_vcpu_srcu_lock(vcpu);
	return r;
}

static void arrive(struct lodge_vcpu *vcpu)
{
	int cpu = smp_processor_id();

	if (vcpu->cpu == cpu && __this_cpu_read(last_serial) == vcpu->serial)
		return;

	lodge_arch_vcpu_arrive(vcpu, cpu);
	WRITE_ONCE(vcpu->cpu, cpu);
	__this_cpu_write(last_serial, vcpu->serial);
}

/*
 * Mode first, then the checks: who sets a request after our check sees
 * LODGE_IN_GUEST and sends an interrupt, which is pending at entry.
 */
static bool may_enter(struct lodge_vcpu *vcpu)
{
	smp_store_mb(vcpu->mode, LODGE_IN_GUEST);

	if (READ_ONCE(vcpu->requests) &&
	    (test_bit(LODGE_REQ_VM_DEAD, &vcpu->requests) ||
	     lodge_vcpu_take_request(vcpu, LODGE_REQ_KICK) ||
	     lodge_arch_vcpu_wants_outer(vcpu)))
		return false;
	return !lodge_guest_work_pending() && !local_softirq_pending();
}

/* Interrupts that ended the guest are taken here, while the time is still the guest's. */
static void open_interrupts(void)
{
	local_irq_enable();
	/* STI blocks interrupts for one more instruction. */
	asm volatile("nop" ::: "memory");
	local_irq_disable();
}

/* Returns true if an exit waits for the outer loop. */
static bool inner_loop(struct lodge_vcpu *vcpu)
{
	bool exited = false;

	local_bh_disable();
	arrive(vcpu);
	local_irq_disable();
	lodge_arch_vcpu_inner_begin(vcpu);

	while (!exited && may_enter(vcpu)) {
		lodge_guest_timing_enter_irqoff();
		lodge_arch_vcpu_enter(vcpu);
		WRITE_ONCE(vcpu->mode, LODGE_OUTSIDE_GUEST);
		vcpu->stats.exits++;
		open_interrupts();
		lodge_guest_timing_exit_irqoff();
		exited = lodge_arch_vcpu_handle_exit_fast(vcpu) == LODGE_FAST_LEAVE;
	}
	WRITE_ONCE(vcpu->mode, LODGE_OUTSIDE_GUEST);

	lodge_arch_vcpu_inner_end(vcpu);
	local_irq_enable();
	lodge_arch_vcpu_depart(vcpu, exited ? LODGE_DEPART_SLEEP : LODGE_DEPART_PREEMPT);
	local_bh_enable();
	return exited;
}

static int outer_loop(struct lodge_vcpu *vcpu)
{
	int r;

	do {
		r = before_entry(vcpu);
		if (r <= 0)
			break;
		r = lodge_arch_vcpu_prepare(vcpu);
		if (r <= 0)
			break;
		lodge_vcpu_srcu_unlock(vcpu);
		if (inner_loop(vcpu)) {
			lodge_vcpu_srcu_lock(vcpu);
			r = lodge_arch_vcpu_handle_exit(vcpu);
		} else {
			lodge_vcpu_srcu_lock(vcpu);
		}
	} while (r > 0);
	return r;
}

/* Finish what user space was asked for. LODGE_RESUME_GUEST if the guest may go on. */
static int complete_io(struct lodge_vcpu *vcpu)
{
	int (*complete)(struct lodge_vcpu *vcpu) = vcpu->complete_userspace_io;

	if (!complete)
		return LODGE_RESUME_GUEST;
	vcpu->complete_userspace_io = NULL;
	return complete(vcpu);
}

/**
 * lodge_vcpu_run() - KVM_RUN
 * @vcpu: the vCPU
 *
 * immediate_exit is looked at once; pending I/O is completed all the same.
 * Context: may sleep; vcpu->mutex held.
 * Return: 0 with kvm_run filled in, -EINTR, -EIO (VM dead), -EFAULT, -ENOMEM, -EINVAL (bad kvm_run input).
 */
int lodge_vcpu_run(struct lodge_vcpu *vcpu)
{
	bool immediate = READ_ONCE(vcpu->run->lodge_immediate_exit);
	sigset_t saved;
	int r;

	swap_sigset(vcpu, &saved);
	lodge_vcpu_srcu_lock(vcpu);

	r = lodge_arch_vcpu_run_begin(vcpu);
	if (r)
		goto out;
	r = complete_io(vcpu);
	if (r <= 0)
		goto out;
	r = immediate ? -EINTR : outer_loop(vcpu);
out:
	lodge_arch_vcpu_run_end(vcpu);
	lodge_vcpu_srcu_unlock(vcpu);
	restore_sigset(vcpu, &saved);
	return r;
}
