/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86's tracepoints, with KVM's system, names and fields: perf kvm reads
 * kvm_entry, kvm_exit, kvm_pio.
 */
#if !defined(LODGE_X86_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define LODGE_X86_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/types.h>
#include <asm/traps.h>
#include <uapi/asm/svm.h>

#include "regs.h"
#include "svm/vmcb.h"
#include "vcpu.h"

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#ifndef LODGE_TRACE_ISA_SVM
/* KVM's number for SVM in kvm_exit. */
#define LODGE_TRACE_ISA_SVM	2

#define LODGE_EXC_NAME(x)	{ X86_TRAP_##x, "#" #x }
#define LODGE_TRACE_EXCEPTIONS \
	LODGE_EXC_NAME(DE), LODGE_EXC_NAME(DB), LODGE_EXC_NAME(BP), LODGE_EXC_NAME(OF), LODGE_EXC_NAME(BR), \
	LODGE_EXC_NAME(UD), LODGE_EXC_NAME(NM), LODGE_EXC_NAME(DF), LODGE_EXC_NAME(TS), LODGE_EXC_NAME(NP), \
	LODGE_EXC_NAME(SS), LODGE_EXC_NAME(GP), LODGE_EXC_NAME(PF), LODGE_EXC_NAME(MF), LODGE_EXC_NAME(AC), \
	LODGE_EXC_NAME(MC)
#endif

TRACE_EVENT(kvm_entry,
	TP_PROTO(struct lodge_vcpu *vcpu, bool immediate_exit),
	TP_ARGS(vcpu, immediate_exit),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, rip)
		__field(bool, immediate_exit)
		__field(u32, intr_info)
		__field(u32, error_code)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->id;
		__entry->rip = lodge_x86_rip(vcpu);
		__entry->immediate_exit = immediate_exit;
		__entry->intr_info = lower_32_bits(vcpu->arch.vmcb->control.event_inj);
		__entry->error_code = upper_32_bits(vcpu->arch.vmcb->control.event_inj);
	),
	TP_printk("vcpu %u, rip 0x%lx intr_info 0x%08x error_code 0x%08x%s",
		  __entry->vcpu_id, __entry->rip, __entry->intr_info, __entry->error_code,
		  __entry->immediate_exit ? "[immediate exit]" : "")
);

TRACE_EVENT(kvm_exit,
	TP_PROTO(struct lodge_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(unsigned int, exit_reason)
		__field(unsigned long, guest_rip)
		__field(u32, isa)
		__field(u64, info1)
		__field(u64, info2)
		__field(u32, intr_info)
		__field(u32, error_code)
		__field(unsigned int, vcpu_id)
	),
	TP_fast_assign(
		const struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;

		__entry->exit_reason = control->exit_code;
		__entry->guest_rip = lodge_x86_rip(vcpu);
		__entry->isa = LODGE_TRACE_ISA_SVM;
		__entry->info1 = control->exit_info_1;
		__entry->info2 = control->exit_info_2;
		__entry->intr_info = lower_32_bits(control->exit_int_info);
		__entry->error_code = upper_32_bits(control->exit_int_info);
		__entry->vcpu_id = vcpu->id;
	),
	TP_printk("vcpu %u reason %s rip 0x%lx info1 0x%016llx info2 0x%016llx intr_info 0x%08x error_code 0x%08x",
		  __entry->vcpu_id, __print_symbolic(__entry->exit_reason, SVM_EXIT_REASONS), __entry->guest_rip,
		  __entry->info1, __entry->info2, __entry->intr_info, __entry->error_code)
);

TRACE_EVENT(kvm_hypercall,
	TP_PROTO(unsigned long nr, unsigned long a0, unsigned long a1, unsigned long a2, unsigned long a3),
	TP_ARGS(nr, a0, a1, a2, a3),
	TP_STRUCT__entry(
		__field(unsigned long, nr)
		__field(unsigned long, a0)
		__field(unsigned long, a1)
		__field(unsigned long, a2)
		__field(unsigned long, a3)
	),
	TP_fast_assign(
		__entry->nr = nr;
		__entry->a0 = a0;
		__entry->a1 = a1;
		__entry->a2 = a2;
		__entry->a3 = a3;
	),
	TP_printk("nr 0x%lx a0 0x%lx a1 0x%lx a2 0x%lx a3 0x%lx",
		  __entry->nr, __entry->a0, __entry->a1, __entry->a2, __entry->a3)
);

TRACE_EVENT(kvm_pio,
	TP_PROTO(unsigned int rw, unsigned int port, unsigned int size, unsigned int count, const void *data),
	TP_ARGS(rw, port, size, count, data),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, port)
		__field(unsigned int, size)
		__field(unsigned int, count)
		__field(unsigned int, val)
	),
	TP_fast_assign(
		__entry->rw = rw;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->val = 0;
		memcpy(&__entry->val, data, min_t(size_t, size, sizeof(__entry->val)));
	),
	TP_printk("pio_%s at 0x%x size %d count %d val 0x%x %s",
		  __entry->rw ? "write" : "read", __entry->port, __entry->size, __entry->count, __entry->val,
		  __entry->count > 1 ? "(...)" : "")
);

TRACE_EVENT(kvm_cpuid,
	TP_PROTO(unsigned int function, unsigned int index, unsigned long rax, unsigned long rbx,
		 unsigned long rcx, unsigned long rdx, bool found, bool used_max_basic),
	TP_ARGS(function, index, rax, rbx, rcx, rdx, found, used_max_basic),
	TP_STRUCT__entry(
		__field(unsigned int, function)
		__field(unsigned int, index)
		__field(unsigned long, rax)
		__field(unsigned long, rbx)
		__field(unsigned long, rcx)
		__field(unsigned long, rdx)
		__field(bool, found)
		__field(bool, used_max_basic)
	),
	TP_fast_assign(
		__entry->function = function;
		__entry->index = index;
		__entry->rax = rax;
		__entry->rbx = rbx;
		__entry->rcx = rcx;
		__entry->rdx = rdx;
		__entry->found = found;
		__entry->used_max_basic = used_max_basic;
	),
	TP_printk("func %x idx %x rax %lx rbx %lx rcx %lx rdx %lx, cpuid entry %s%s",
		  __entry->function, __entry->index, __entry->rax, __entry->rbx, __entry->rcx, __entry->rdx,
		  __entry->found ? "found" : "not found", __entry->used_max_basic ? ", used max basic" : "")
);

TRACE_EVENT(kvm_msr,
	TP_PROTO(unsigned int write, u32 ecx, u64 data, bool exception),
	TP_ARGS(write, ecx, data, exception),
	TP_STRUCT__entry(
		__field(unsigned int, write)
		__field(u32, ecx)
		__field(u64, data)
		__field(u8, exception)
	),
	TP_fast_assign(
		__entry->write = write;
		__entry->ecx = ecx;
		__entry->data = data;
		__entry->exception = exception;
	),
	TP_printk("msr_%s %x = 0x%llx%s",
		  __entry->write ? "write" : "read", __entry->ecx, __entry->data,
		  __entry->exception ? " (#GP)" : "")
);

TRACE_EVENT(kvm_cr,
	TP_PROTO(unsigned int rw, unsigned int cr, unsigned long val),
	TP_ARGS(rw, cr, val),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, cr)
		__field(unsigned long, val)
	),
	TP_fast_assign(
		__entry->rw = rw;
		__entry->cr = cr;
		__entry->val = val;
	),
	TP_printk("cr_%s %x = 0x%lx", __entry->rw ? "write" : "read", __entry->cr, __entry->val)
);

TRACE_EVENT(kvm_page_fault,
	TP_PROTO(struct lodge_vcpu *vcpu, u64 fault_address, u64 error_code),
	TP_ARGS(vcpu, fault_address, error_code),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, guest_rip)
		__field(u64, fault_address)
		__field(u64, error_code)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->id;
		__entry->guest_rip = lodge_x86_rip(vcpu);
		__entry->fault_address = fault_address;
		__entry->error_code = error_code;
	),
	TP_printk("vcpu %u rip 0x%lx address 0x%016llx error_code 0x%llx",
		  __entry->vcpu_id, __entry->guest_rip, __entry->fault_address, __entry->error_code)
);

TRACE_EVENT(kvm_inj_virq,
	TP_PROTO(unsigned int vector, bool soft, bool reinjected),
	TP_ARGS(vector, soft, reinjected),
	TP_STRUCT__entry(
		__field(unsigned int, vector)
		__field(bool, soft)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		__entry->vector = vector;
		__entry->soft = soft;
		__entry->reinjected = reinjected;
	),
	TP_printk("%s 0x%x%s",
		  __entry->soft ? "Soft/INTn" : "IRQ", __entry->vector, __entry->reinjected ? " [reinjected]" : "")
);

TRACE_EVENT(kvm_inj_exception,
	TP_PROTO(unsigned int exception, bool has_error, unsigned int error_code, bool reinjected),
	TP_ARGS(exception, has_error, error_code, reinjected),
	TP_STRUCT__entry(
		__field(u8, exception)
		__field(u8, has_error)
		__field(u32, error_code)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		__entry->exception = exception;
		__entry->has_error = has_error;
		__entry->error_code = error_code;
		__entry->reinjected = reinjected;
	),
	TP_printk("%s (0x%x)%s",
		  __print_symbolic(__entry->exception, LODGE_TRACE_EXCEPTIONS), __entry->error_code,
		  __entry->reinjected ? " [reinjected]" : "")
);

#endif

/* Seen from the core's folder, which is on the include path. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../arch/x86
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_x86

/* This part must be outside protection */
#include <trace/define_trace.h>
