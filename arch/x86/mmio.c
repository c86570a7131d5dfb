// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's view of a vCPU: registers, guest memory, devices, ports.
 *
 * Emulation stops when user space owes data. Nothing but the decoded instruction
 * and a log of the device reads that were answered is kept; the instruction is
 * emulated again from unchanged registers and answered from the log. Device writes are listed
 * meanwhile and handed out one after the other once the instruction is done.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "debugregs.h"
#include "emulate/emulate.h"
#include "events.h"
#include "guest_mem.h"
#include "io_bus.h"
#include "mmio.h"
#include "pio.h"
#include "regs.h"
#include "svm/vmcb.h"
#include "trace.h"
#include "trace_x86.h"
#include "vcpu.h"
#include "vm.h"
#include "walk.h"
#include "xstate.h"

#define FRAGMENT_BYTES	8

/* EXITINFO1 of a nested page fault. */
#define NPF_WRITE	BIT_ULL(1)
#define NPF_FINAL	BIT_ULL(32)	/* at the address that the access was for, not at a page table on the way */

/* Iterations of a repeated string instruction before interrupts get their turn. */
#define MAX_ITERATIONS	1024

static struct lodge_vcpu *vcpu_of(struct lodge_x86_emulator *e)
{
	return e->ctx;
}

static unsigned int access_bits(unsigned int access)
{
	if (access & LODGE_EMU_FETCH)
		return LODGE_ACCESS_EXEC;
	return access & LODGE_EMU_WRITE ? LODGE_ACCESS_WRITE : LODGE_ACCESS_READ;
}

/* MOV, MOVZX, MOVSX between a register or a constant and the one place in memory that ModRM names. */
static bool is_plain_move(const struct lodge_x86_insn *insn)
{
	if (insn->map == LODGE_X86_MAP_1)
		return (insn->opcode >= 0x88 && insn->opcode <= 0x8b) || insn->opcode == 0xc6 || insn->opcode == 0xc7;
	return insn->map == LODGE_X86_MAP_0F && (insn->opcode & 0xf6) == 0xb6;
}

/*
 * A nested page fault comes after the processor's own walk, which found that the
 * guest may access what it then gives the address of. For an instruction with
 * one access, of the same kind and at the same place in its page, that is the
 * answer. Should the instruction be another by now, it reaches no more than the
 * one that exited.
 */
static bool hardware_translated(struct lodge_x86_emulator *e, u64 linear, unsigned int access, gpa_t *gpa)
{
	struct lodge_vcpu *vcpu = vcpu_of(e);
	const struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;
	u64 info = control->exit_info_1;

	/* Answered reads: user space was asked, and may have changed registers since the exit. */
	if (vcpu->arch.mmio.nr_reads || access & LODGE_EMU_FETCH)
		return false;
	if (vcpu->arch.exit_code != LODGE_EXIT_NPF || !(info & NPF_FINAL) ||
	    !(info & NPF_WRITE) == !!(access & LODGE_EMU_WRITE) ||
	    offset_in_page(control->exit_info_2 ^ linear) || !is_plain_move(&e->insn))
		return false;
	*gpa = control->exit_info_2;
	return true;
}

static int walk_tables(struct lodge_x86_emulator *e, u64 linear, unsigned int access, gpa_t *gpa)
{
	struct lodge_walk walk = {
		.gva = linear,
		.access = access_bits(access),
		.user = e->cpl == 3,
	};

	switch (lodge_walk_gva(vcpu_of(e), &walk)) {
	case LODGE_WALK_OK:
		*gpa = walk.gpa;
		return LODGE_EMU_CONTINUE;
	case LODGE_WALK_FAULT:
		e->exception = (struct lodge_x86_exception){
			.vector = X86_TRAP_PF,
			.has_error_code = true,
			.error_code = walk.error,
			.cr2 = linear,
		};
		return LODGE_EMU_FAULT;
	default:
		return LODGE_EMU_UNHANDLEABLE;
	}
}

static int translate(struct lodge_x86_emulator *e, u64 linear, unsigned int access, gpa_t *gpa)
{
	if (hardware_translated(e, linear, access, gpa))
		return LODGE_EMU_CONTINUE;
	return walk_tables(e, linear, access, gpa);
}

/* Device reads: from the log, from a device in the kernel, or from user space. */

static unsigned int fragment_bytes(unsigned int bytes)
{
	return min_t(unsigned int, bytes, FRAGMENT_BYTES);
}

/* The log has the answer to this read: it was done when user space was asked, and is not translated again. */
static bool is_answered(const struct lodge_mmio_state *mmio, gva_t linear, unsigned int bytes)
{
	const struct lodge_mmio_fragment *f = &mmio->read[mmio->next_read];

	return mmio->next_read < mmio->nr_reads && f->linear == linear && f->len == fragment_bytes(bytes);
}

/* The next fragment of the log, answered or to be asked for; NULL if there is no room. */
static struct lodge_mmio_fragment *next_read(struct lodge_mmio_state *mmio, gva_t linear, gpa_t gpa, unsigned int len)
{
	struct lodge_mmio_fragment *f = &mmio->read[mmio->next_read];

	if (is_answered(mmio, linear, len))
		return f;
	/* User space changed registers meanwhile: what was read is of no use. */
	mmio->nr_reads = mmio->next_read;
	if (mmio->next_read == LODGE_MMIO_FRAGMENTS)
		return NULL;
	f->linear = linear;
	f->gpa = gpa;
	f->len = len;
	return f;
}

static int complete_read(struct lodge_vcpu *vcpu);

static int read_fragment(struct lodge_vcpu *vcpu, gva_t linear, gpa_t gpa, void *data, unsigned int len)
{
	struct lodge_mmio_state *mmio = &vcpu->arch.mmio;
	struct lodge_mmio_fragment *f = next_read(mmio, linear, gpa, len);
	struct kvm_run *run = vcpu->run;

	if (!f)
		return LODGE_EMU_UNHANDLEABLE;
	if (mmio->next_read == mmio->nr_reads) {
		if (lodge_io_bus_read(vcpu, LODGE_MMIO_BUS, gpa, len, f->data)) {
			trace_kvm_mmio(LODGE_TRACE_MMIO_READ_UNSATISFIED, len, gpa, NULL);
			run->exit_reason = KVM_EXIT_MMIO;
			run->mmio.phys_addr = gpa;
			run->mmio.len = len;
			run->mmio.is_write = 0;
			mmio->rip = lodge_x86_rip(vcpu);
			vcpu->complete_userspace_io = complete_read;
			return LODGE_EMU_IO_NEEDED;
		}
		mmio->nr_reads++;
	}
	trace_kvm_mmio(LODGE_TRACE_MMIO_READ, len, gpa, f->data);
	memcpy(data, f->data, len);
	mmio->next_read++;
	return LODGE_EMU_CONTINUE;
}

static int read_device(struct lodge_x86_emulator *e, gva_t linear, gpa_t gpa, void *data, unsigned int bytes)
{
	unsigned int n;
	int r;

	e->stop = true;
	for (; bytes; bytes -= n, linear += n, gpa += n, data += n) {
		n = fragment_bytes(bytes);
		r = read_fragment(vcpu_of(e), linear, gpa, data, n);
		if (r)
			return r;
	}
	return LODGE_EMU_CONTINUE;
}

static int write_device(struct lodge_x86_emulator *e, gpa_t gpa, const void *data, unsigned int bytes)
{
	struct lodge_mmio_state *mmio = &vcpu_of(e)->arch.mmio;
	struct lodge_mmio_fragment *f;
	unsigned int n;

	e->stop = true;
	for (; bytes; bytes -= n, gpa += n, data += n) {
		if (mmio->nr_writes == LODGE_MMIO_FRAGMENTS)
			return LODGE_EMU_UNHANDLEABLE;
		n = fragment_bytes(bytes);
		f = &mmio->write[mmio->nr_writes++];
		f->gpa = gpa;
		f->len = n;
		memcpy(f->data, data, n);
	}
	return LODGE_EMU_CONTINUE;
}

static int read_page(struct lodge_x86_emulator *e, u64 linear, void *data, unsigned int bytes, unsigned int access)
{
	struct lodge_vcpu *vcpu = vcpu_of(e);
	struct lodge_mmio_state *mmio = &vcpu->arch.mmio;
	gpa_t gpa;
	int r;

	if (is_answered(mmio, linear, bytes))
		return read_device(e, linear, mmio->read[mmio->next_read].gpa, data, bytes);
	r = translate(e, linear, access, &gpa);
	if (r)
		return r;
	if (lodge_guest_readable(vcpu->vm, 0, gpa))
		return lodge_guest_read(vcpu->vm, 0, gpa, data, bytes) ? LODGE_EMU_UNHANDLEABLE : LODGE_EMU_CONTINUE;
	if (access & LODGE_EMU_FETCH)
		return LODGE_EMU_UNHANDLEABLE;
	return read_device(e, linear, gpa, data, bytes);
}

static int write_page(struct lodge_x86_emulator *e, u64 linear, const void *data, unsigned int bytes)
{
	struct lodge_vcpu *vcpu = vcpu_of(e);
	gpa_t gpa;
	int r;

	r = translate(e, linear, LODGE_EMU_WRITE, &gpa);
	if (r)
		return r;
	if (lodge_guest_writable(vcpu->vm, 0, gpa))
		return lodge_guest_write(vcpu->vm, 0, gpa, data, bytes) ? LODGE_EMU_UNHANDLEABLE : LODGE_EMU_CONTINUE;
	return write_device(e, gpa, data, bytes);
}

static unsigned int in_page(u64 linear, unsigned int bytes)
{
	return min_t(unsigned int, bytes, PAGE_SIZE - offset_in_page(linear));
}

static int emu_read(struct lodge_x86_emulator *e, u64 linear, void *data, unsigned int bytes, unsigned int access)
{
	unsigned int n;
	int r;

	for (; bytes; bytes -= n, linear += n, data += n) {
		n = in_page(linear, bytes);
		r = read_page(e, linear, data, n, access);
		if (r)
			return r;
	}
	return LODGE_EMU_CONTINUE;
}

static int emu_check(struct lodge_x86_emulator *e, u64 linear, unsigned int bytes, unsigned int access)
{
	unsigned int n;
	gpa_t gpa;
	int r;

	for (; bytes; bytes -= n, linear += n) {
		n = in_page(linear, bytes);
		r = translate(e, linear, access, &gpa);
		if (r)
			return r;
	}
	return LODGE_EMU_CONTINUE;
}

static int emu_write(struct lodge_x86_emulator *e, u64 linear, const void *data, unsigned int bytes)
{
	unsigned int n;
	int r;

	if (in_page(linear, bytes) != bytes) {
		r = emu_check(e, linear, bytes, LODGE_EMU_WRITE);
		if (r)
			return r;
	}
	for (; bytes; bytes -= n, linear += n, data += n) {
		n = in_page(linear, bytes);
		r = write_page(e, linear, data, n);
		if (r)
			return r;
	}
	return LODGE_EMU_CONTINUE;
}

/* Atomic on memory where an aligned word of up to 8 bytes is concerned; that is all a guest can rely on here. */
static int emu_cmpxchg(struct lodge_x86_emulator *e, u64 linear, void *old, const void *new, unsigned int bytes)
{
	struct lodge_vcpu *vcpu = vcpu_of(e);
	u64 old_val = 0, new_val = 0;
	gpa_t gpa;
	int r;

	r = translate(e, linear, LODGE_EMU_WRITE, &gpa);
	if (r)
		return r;
	if (!lodge_guest_writable(vcpu->vm, 0, gpa))
		return in_page(linear, bytes) == bytes ? write_device(e, gpa, new, bytes) : LODGE_EMU_UNHANDLEABLE;
	if (bytes > sizeof(u64) || linear & (bytes - 1))
		return LODGE_EMU_UNHANDLEABLE;

	memcpy(&old_val, old, bytes);
	memcpy(&new_val, new, bytes);
	r = lodge_guest_cmpxchg(vcpu->vm, 0, gpa, &old_val, new_val, bytes);
	if (r < 0)
		return LODGE_EMU_UNHANDLEABLE;
	memcpy(old, &old_val, bytes);
	return LODGE_EMU_CONTINUE;
}

/* Ports: string forms only get here, so count may be above 1. */

static bool port_in_kernel(struct lodge_vcpu *vcpu, u16 port, unsigned int size, unsigned int count, void *data,
			   bool in)
{
	unsigned int i;
	int r;

	for (i = 0; i < count; i++, data += size) {
		r = in ? lodge_io_bus_read(vcpu, LODGE_PIO_BUS, port, size, data) :
			 lodge_io_bus_write(vcpu, LODGE_PIO_BUS, port, size, data);
		if (!r)
			continue;
		if (!i)
			return false;
		/* A device that takes only a part: the rest reads as zero and is dropped when written. */
		if (in)
			memset(data, 0, (count - i) * size);
		return true;
	}
	return true;
}

static void request_port(struct lodge_vcpu *vcpu, u16 port, unsigned int size, unsigned int count, bool in)
{
	struct lodge_pio_state *pio = &vcpu->arch.pio;

	pio->in = in;
	pio->port = port;
	pio->size = size;
	pio->count = count;
	pio->answered = false;
	pio->rip = lodge_x86_rip(vcpu);
}

static int complete_port_in(struct lodge_vcpu *vcpu);

static int emu_pio_in(struct lodge_x86_emulator *e, u16 port, unsigned int size, unsigned int count, void *data)
{
	struct lodge_vcpu *vcpu = vcpu_of(e);
	struct lodge_pio_state *pio = &vcpu->arch.pio;

	e->stop = true;
	if (pio->answered && pio->in && pio->port == port && pio->size == size && pio->count == count) {
		pio->answered = false;
		memcpy(data, vcpu->pio_data, size * count);
		return LODGE_EMU_CONTINUE;
	}
	if (port_in_kernel(vcpu, port, size, count, data, true))
		return LODGE_EMU_CONTINUE;
	request_port(vcpu, port, size, count, true);
	vcpu->complete_userspace_io = complete_port_in;
	lodge_pio_exit(vcpu);
	return LODGE_EMU_IO_NEEDED;
}

static int emu_pio_out(struct lodge_x86_emulator *e, u16 port, unsigned int size, unsigned int count,
		       const void *data)
{
	struct lodge_vcpu *vcpu = vcpu_of(e);

	if (port_in_kernel(vcpu, port, size, count, (void *)data, false))
		return LODGE_EMU_CONTINUE;
	e->stop = true;
	request_port(vcpu, port, size, count, false);
	memcpy(vcpu->pio_data, data, size * count);
	return LODGE_EMU_CONTINUE;
}

/* Segments */

static struct lodge_vmcb_seg *vmcb_seg(struct lodge_vcpu *vcpu, enum lodge_x86_seg seg)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	switch (seg) {
	case LODGE_X86_ES:
		return &save->es;
	case LODGE_X86_CS:
		return &save->cs;
	case LODGE_X86_SS:
		return &save->ss;
	case LODGE_X86_FS:
		return &save->fs;
	case LODGE_X86_GS:
		return &save->gs;
	case LODGE_X86_DS:
	default:
		return &save->ds;
	}
}

static void emu_get_seg(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, struct lodge_x86_segment *out)
{
	struct lodge_vmcb_seg *s = vmcb_seg(vcpu_of(e), seg);

	*out = (struct lodge_x86_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = s->attrib & 0xf,
		.code_or_data = s->attrib & BIT(4),
		.dpl = (s->attrib >> 5) & 3,
		.present = s->attrib & BIT(7),
		.l = s->attrib & BIT(9),
		.db = s->attrib & BIT(10),
		.g = s->attrib & BIT(11),
	};
}

/* Real and virtual-8086 mode: selector and base change, limit and attributes stay. */
static int emu_set_seg(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, const struct lodge_x86_segment *in)
{
	struct lodge_vcpu *vcpu = vcpu_of(e);
	struct lodge_vmcb_seg *s = vmcb_seg(vcpu, seg);

	s->selector = in->selector;
	s->base = in->base;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_SEG);
	return LODGE_EMU_CONTINUE;
}

static void emu_get_sse(struct lodge_x86_emulator *e, unsigned int n, void *data, unsigned int bytes)
{
	lodge_xstate_get_vector(vcpu_of(e), n, data, bytes);
}

static void emu_set_sse(struct lodge_x86_emulator *e, unsigned int n, const void *data, unsigned int bytes)
{
	lodge_xstate_set_vector(vcpu_of(e), n, data, bytes);
}

static const struct lodge_x86_emu_ops emu_ops = {
	.read = emu_read,
	.write = emu_write,
	.check = emu_check,
	.cmpxchg = emu_cmpxchg,
	.pio_in = emu_pio_in,
	.pio_out = emu_pio_out,
	.get_seg = emu_get_seg,
	.set_seg = emu_set_seg,
	.get_sse = emu_get_sse,
	.set_sse = emu_set_sse,
};

/* Registers in and out */

static void load_emulator(struct lodge_vcpu *vcpu)
{
	struct lodge_x86_emulator *e = &vcpu->arch.emulator;
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	e->ops = &emu_ops;
	e->ctx = vcpu;
	memcpy(e->gpr, vcpu->arch.regs, sizeof(e->gpr));
	e->rip = save->rip;
	e->rflags = save->rflags;
	e->cr0 = lodge_x86_cr0(vcpu);
	e->cr4 = save->cr4;
	e->xcr0 = vcpu->arch.xcr0;
	e->cpl = save->cpl;
	e->mode = lodge_x86_mode(save->cr0 & X86_CR0_PE, save->rflags & X86_EFLAGS_VM,
				 vcpu->arch.efer & EFER_LMA, save->cs.attrib & BIT(9), save->cs.attrib & BIT(10));
	e->max_iterations = MAX_ITERATIONS;
	e->stop = false;
	vcpu->arch.mmio.next_read = 0;
	vcpu->arch.mmio.nr_writes = 0;
	vcpu->arch.mmio.next_write = 0;
	if (!vcpu->arch.pio.answered)
		vcpu->arch.pio.count = 0;
}

static void store_emulator(struct lodge_vcpu *vcpu)
{
	struct lodge_x86_emulator *e = &vcpu->arch.emulator;
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	memcpy(vcpu->arch.regs, e->gpr, sizeof(e->gpr));
	save->rflags = e->rflags;
	if (!e->retired) {
		save->rip = e->rip;
		return;
	}
	lodge_x86_advance_rip(vcpu, e->rip);
	if (e->shadow)
		vcpu->arch.vmcb->control.int_state |= LODGE_INT_SHADOW;
}

/* After the instruction: what user space has to do, one thing at a time. */

static int complete_write(struct lodge_vcpu *vcpu);

static int hand_out_writes(struct lodge_vcpu *vcpu)
{
	struct lodge_mmio_state *mmio = &vcpu->arch.mmio;
	struct kvm_run *run = vcpu->run;
	struct lodge_mmio_fragment *f;

	while (mmio->next_write < mmio->nr_writes) {
		f = &mmio->write[mmio->next_write++];
		trace_kvm_mmio(LODGE_TRACE_MMIO_WRITE, f->len, f->gpa, f->data);
		if (!lodge_io_bus_write(vcpu, LODGE_MMIO_BUS, f->gpa, f->len, f->data))
			continue;
		run->exit_reason = KVM_EXIT_MMIO;
		run->mmio.phys_addr = f->gpa;
		run->mmio.len = f->len;
		run->mmio.is_write = 1;
		memcpy(run->mmio.data, f->data, sizeof(f->data));
		vcpu->complete_userspace_io = complete_write;
		vcpu->stats.mmio_exits++;
		return LODGE_EXIT_TO_USER;
	}
	return LODGE_RESUME_GUEST;
}

static int finish_instruction(struct lodge_vcpu *vcpu)
{
	int r = hand_out_writes(vcpu);

	return r == LODGE_RESUME_GUEST ? lodge_dr_emulated_step(vcpu) : r;
}

static int complete_write(struct lodge_vcpu *vcpu)
{
	return finish_instruction(vcpu);
}

static int complete_port_out(struct lodge_vcpu *vcpu)
{
	return lodge_dr_emulated_step(vcpu);
}

static int instruction_done(struct lodge_vcpu *vcpu)
{
	struct lodge_pio_state *pio = &vcpu->arch.pio;

	vcpu->arch.mmio.nr_reads = 0;
	store_emulator(vcpu);
	if (pio->count && !pio->in) {
		vcpu->complete_userspace_io = complete_port_out;
		lodge_pio_exit(vcpu);
		pio->count = 0;
		return LODGE_EXIT_TO_USER;
	}
	pio->count = 0;
	return finish_instruction(vcpu);
}

static void raise_fault(struct lodge_vcpu *vcpu, const struct lodge_x86_exception *x)
{
	if (x->vector == X86_TRAP_PF)
		lodge_x86_raise_pf(vcpu, x->cr2, x->error_code);
	else if (x->has_error_code)
		lodge_x86_raise_error(vcpu, x->vector, x->error_code);
	else
		lodge_x86_raise(vcpu, x->vector);
}

static int fault(struct lodge_vcpu *vcpu)
{
	struct lodge_x86_emulator *e = &vcpu->arch.emulator;

	vcpu->arch.mmio.nr_reads = 0;
	vcpu->arch.pio.count = 0;
	e->retired = false;
	store_emulator(vcpu);
	raise_fault(vcpu, &e->exception);
	return LODGE_RESUME_GUEST;
}

/* The instruction's bytes, then what the processor said of the exit: the ABI's layout. */
static void report_failure(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;
	struct lodge_x86_emulator *e = &vcpu->arch.emulator;
	u64 info[] = {
		vcpu->arch.exit_code,
		control->exit_info_1,
		control->exit_info_2,
		control->exit_int_info,
		control->exit_int_info >> 32,
	};
	struct kvm_run *run = vcpu->run;
	unsigned int data = 1;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.flags = 0;
	if (e->nr_bytes) {
		run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = e->nr_bytes;
		memset(run->emulation_failure.insn_bytes, 0x90, sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, e->bytes, e->nr_bytes);
		data += 2;
	}
	memcpy(&run->internal.data[data], info, sizeof(info));
	run->emulation_failure.ndata = data + ARRAY_SIZE(info);
}

/*
 * Say which instruction it was. A user program gets #UD and cannot take its
 * VM down; for the guest's kernel user space decides.
 */
static int failure(struct lodge_vcpu *vcpu)
{
	bool told = READ_ONCE(vcpu->vm->arch.exit_on_emulation_failure);

	vcpu->arch.mmio.nr_reads = 0;
	vcpu->arch.pio.count = 0;
	vcpu->stats.insn_emulation_fail++;
	if (!told)
		lodge_x86_raise(vcpu, X86_TRAP_UD);
	if (!told && lodge_x86_cpl(vcpu))
		return LODGE_RESUME_GUEST;

	report_failure(vcpu);
	return LODGE_EXIT_TO_USER;
}

static int emulate(struct lodge_vcpu *vcpu)
{
	load_emulator(vcpu);
	vcpu->stats.insn_emulation++;
	switch (lodge_x86_emulate(&vcpu->arch.emulator)) {
	case LODGE_EMU_CONTINUE:
		return instruction_done(vcpu);
	case LODGE_EMU_FAULT:
		return fault(vcpu);
	case LODGE_EMU_IO_NEEDED:
		/* Of string instructions the iterations before this one are done and stay so; else nothing has changed. */
		if (vcpu->arch.emulator.insn.rep)
			store_emulator(vcpu);
		vcpu->stats.mmio_exits++;
		return LODGE_EXIT_TO_USER;
	default:
		store_emulator(vcpu);
		return failure(vcpu);
	}
}

/**
 * lodge_mmio_emulate() - emulate the instruction at rip
 * @vcpu: the vCPU
 *
 * Context: outer loop, SRCU held; may sleep.
 * Return: LODGE_RESUME_GUEST (done, or an exception was raised), LODGE_EXIT_TO_USER
 * (MMIO, IO, DEBUG, or INTERNAL_ERROR with the bytes), -errno.
 */
int lodge_mmio_emulate(struct lodge_vcpu *vcpu)
{
	vcpu->arch.emulator.nr_bytes = 0;
	vcpu->arch.emulator.again = 0;
	return emulate(vcpu);
}

/*
 * User space has put data into kvm_run; log it and emulate again, unless rip was
 * moved. It is still the instruction that was fetched when it began, whatever
 * the guest has put into its place meanwhile.
 */
static int complete_read(struct lodge_vcpu *vcpu)
{
	struct lodge_mmio_state *mmio = &vcpu->arch.mmio;
	struct lodge_mmio_fragment *f = &mmio->read[mmio->nr_reads++];

	memcpy(f->data, vcpu->run->mmio.data, sizeof(f->data));
	if (mmio->rip != lodge_x86_rip(vcpu)) {
		mmio->nr_reads = 0;
		return LODGE_RESUME_GUEST;
	}
	return emulate(vcpu);
}

/* If user space moved rip meanwhile, the access is off. */
static int complete_port_in(struct lodge_vcpu *vcpu)
{
	struct lodge_pio_state *pio = &vcpu->arch.pio;

	if (pio->rip != lodge_x86_rip(vcpu)) {
		pio->count = 0;
		return LODGE_RESUME_GUEST;
	}
	pio->answered = true;
	return emulate(vcpu);
}
