/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints with KVM's system, names and fields, for the tools that know
 * KVM. Those of an architecture are in its own header.
 */
#if !defined(LODGE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define LODGE_TRACE_H

#include <linux/errno.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#ifndef LODGE_TRACE_EXITS
#define LODGE_EXIT_NAME(x)	{ KVM_EXIT_##x, "KVM_EXIT_" #x }
#define LODGE_TRACE_EXITS \
	LODGE_EXIT_NAME(UNKNOWN), LODGE_EXIT_NAME(EXCEPTION), LODGE_EXIT_NAME(IO), \
	LODGE_EXIT_NAME(HYPERCALL), LODGE_EXIT_NAME(DEBUG), LODGE_EXIT_NAME(HLT), \
	LODGE_EXIT_NAME(MMIO), LODGE_EXIT_NAME(IRQ_WINDOW_OPEN), LODGE_EXIT_NAME(SHUTDOWN), \
	LODGE_EXIT_NAME(FAIL_ENTRY), LODGE_EXIT_NAME(INTR), LODGE_EXIT_NAME(SET_TPR), \
	LODGE_EXIT_NAME(TPR_ACCESS), LODGE_EXIT_NAME(INTERNAL_ERROR), LODGE_EXIT_NAME(SYSTEM_EVENT), \
	LODGE_EXIT_NAME(X86_RDMSR), LODGE_EXIT_NAME(X86_WRMSR), LODGE_EXIT_NAME(DIRTY_RING_FULL)

/* Types of kvm_mmio. */
#define LODGE_TRACE_MMIO_READ_UNSATISFIED	0
#define LODGE_TRACE_MMIO_READ			1
#define LODGE_TRACE_MMIO_WRITE			2
#endif

/* KVM_RUN returns to user space. */
TRACE_EVENT(kvm_userspace_exit,
	TP_PROTO(__u32 reason, int errno),
	TP_ARGS(reason, errno),
	TP_STRUCT__entry(
		__field(__u32, reason)
		__field(int, errno)
	),
	TP_fast_assign(
		__entry->reason = reason;
		__entry->errno = errno;
	),
	TP_printk("reason %s (%d)",
		  __entry->errno < 0 ? (__entry->errno == -EINTR ? "restart" : "error") :
		  __print_symbolic(__entry->reason, LODGE_TRACE_EXITS),
		  __entry->errno < 0 ? -__entry->errno : __entry->reason)
);

/* One access to device memory; @val holds @len bytes, or is NULL where the value is not known yet. */
TRACE_EVENT(kvm_mmio,
	TP_PROTO(int type, int len, u64 gpa, const void *val),
	TP_ARGS(type, len, gpa, val),
	TP_STRUCT__entry(
		__field(u32, type)
		__field(u32, len)
		__field(u64, gpa)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->type = type;
		__entry->len = len;
		__entry->gpa = gpa;
		__entry->val = 0;
		if (val)
			memcpy(&__entry->val, val, min_t(u32, sizeof(__entry->val), len));
	),
	TP_printk("mmio %s len %u gpa 0x%llx val 0x%llx",
		  __print_symbolic(__entry->type,
				   { LODGE_TRACE_MMIO_READ_UNSATISFIED, "unsatisfied-read" },
				   { LODGE_TRACE_MMIO_READ, "read" },
				   { LODGE_TRACE_MMIO_WRITE, "write" }),
		  __entry->len, __entry->gpa, __entry->val)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

/* This part must be outside protection */
#include <trace/define_trace.h>
