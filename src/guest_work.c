// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's helper for work before guest entry.
 *
 * Up to 6.12 it wants a struct kvm_vcpu and writes to its run page and its
 * counters when a signal is pending. So each vCPU owns a real one, otherwise
 * unused. No other file includes linux/kvm_host.h, which claims KVM's names.
 */
#include <linux/errno.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "compat.h"
#include "guest_work.h"

#if !defined(LODGE_HAVE_ENTRY_VIRT_H) && defined(LODGE_HAVE_XFER_TO_GUEST_MODE)
#include <linux/kvm_host.h>

/**
 * lodge_guest_work_new() - what lodge_guest_work_run() needs for one vCPU
 * @run: the vCPU's run page; its exit_reason is written when a signal is pending
 *
 * Context: may sleep. Pair: lodge_guest_work_free().
 * Return: a handle, or NULL if there is no memory.
 */
void *lodge_guest_work_new(struct kvm_run *run)
{
	struct kvm_vcpu *vcpu = kvzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (vcpu)
		vcpu->run = run;
	return vcpu;
}

/**
 * lodge_guest_work_free() - give back what lodge_guest_work_new() made
 * @work: the handle, or NULL
 *
 * Context: may sleep.
 */
void lodge_guest_work_free(void *work)
{
	kvfree(work);
}

/**
 * lodge_guest_work_run() - do what is pending before guest entry
 * @work: the vCPU's handle
 *
 * Context: the vCPU's thread; interrupts and preemption on; sleeps; no SRCU
 * read lock needed.
 * Return: 0; -EINTR if a signal is to be taken first.
 */
int lodge_guest_work_run(void *work)
{
	return xfer_to_guest_mode_handle_work(work);
}

#else

/* The helper takes no argument here, or there is none. */
void *lodge_guest_work_new(struct kvm_run *run)
{
	return run;
}

void lodge_guest_work_free(void *work)
{
}

int lodge_guest_work_run(void *work)
{
#ifdef LODGE_HAVE_ENTRY_VIRT_H
	return xfer_to_guest_mode_handle_work();
#else
	if (signal_pending(current))
		return -EINTR;
	cond_resched();
	return 0;
#endif
}
#endif
