/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Telling the kernel that the CPU goes to a guest: RCU, context tracking,
 * time accounting, lockdep.
 *
 * Order around each entry, all with interrupts off:
 *	lodge_guest_timing_enter_irqoff()
 *	lodge_guest_state_enter_irqoff()
 *		... guest; nothing that RCU, tracing or lockdep would see ...
 *	lodge_guest_state_exit_irqoff()
 *		... interrupts opened once, so that ticks count as guest time ...
 *	lodge_guest_timing_exit_irqoff()
 *
 * These are the kernel's own building blocks put together again, because the
 * header that has them ready claims the names of KVM's objects.
 */
#ifndef LODGE_GUEST_STATE_H
#define LODGE_GUEST_STATE_H

#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/instrumentation.h>
#include <linux/irqflags.h>
#include <linux/vtime.h>
#include "compat.h"

static __always_inline void lodge_guest_timing_enter_irqoff(void)
{
	instrumentation_begin();
	vtime_account_guest_enter();
	instrumentation_end();
}

static __always_inline void lodge_guest_timing_exit_irqoff(void)
{
	instrumentation_begin();
	vtime_account_guest_exit();
	instrumentation_end();
}

/* Guests run with interrupts on as far as lockdep is concerned. */
static __always_inline void lodge_guest_state_enter_irqoff(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();

	/* Without context tracking a guest is a quiescent state all the same. */
	if (!context_tracking_guest_enter()) {
		instrumentation_begin();
		lodge_rcu_virt_note_context_switch();
		instrumentation_end();
	}
	lockdep_hardirqs_on(CALLER_ADDR0);
}

static __always_inline void lodge_guest_state_exit_irqoff(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();

	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

#endif
