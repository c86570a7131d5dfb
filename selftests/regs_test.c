// SPDX-License-Identifier: GPL-2.0
/*
 * General and special registers: what is stored is what the guest runs with,
 * and combinations that the processor cannot have are refused.
 */
#include "lodge_test.h"

LODGE_GUEST_FIXTURE(regs);

TEST_F(regs, reset_state)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	lodge_vcpu_get_regs(&self->guest.vcpu, &r);
	ASSERT_EQ(0xfff0, r.rip);
	ASSERT_EQ(2, r.rflags);
	ASSERT_EQ(0x600, r.rdx);
	ASSERT_EQ(0, r.rax | r.rbx | r.rcx | r.rsi | r.rdi | r.rsp | r.rbp);
	lodge_vcpu_get_sregs(&self->guest.vcpu, &s);
	ASSERT_EQ(0xf000, s.cs.selector);
	ASSERT_EQ(0xffff0000, s.cs.base);
	ASSERT_EQ(0xffff, s.cs.limit);
	ASSERT_EQ(1, s.cs.present);
	ASSERT_EQ(0, s.ds.base | s.ds.selector | s.ss.base | s.es.base);
	ASSERT_EQ(0xffff, s.ds.limit);
	ASSERT_EQ(0x60000010, s.cr0);
	ASSERT_EQ(0, s.cr2 | s.cr3 | s.cr4 | s.efer | s.cr8);
	ASSERT_EQ(0xffff, s.idt.limit);
	ASSERT_EQ(0xffff, s.gdt.limit);
	ASSERT_EQ(2, s.ldt.type);
	ASSERT_EQ(3, s.tr.type & ~8);
	ASSERT_EQ(0xfee00900, s.apic_base);
}

static void fill(struct kvm_regs *r)
{
	*r = (struct kvm_regs){
		.rax = 0x1111111111111111, .rbx = 0x2222222222222222,
		.rcx = 0x3333333333333333, .rdx = 0x4444444444444444,
		.rsi = 0x5555555555555555, .rdi = 0x6666666666666666,
		.rsp = 0x7777777777777777, .rbp = 0x8888888888888888,
		.r8 = 0x9999999999999999, .r9 = 0xaaaaaaaaaaaaaaaa,
		.r10 = 0xbbbbbbbbbbbbbbbb, .r11 = 0xcccccccccccccccc,
		.r12 = 0xdddddddddddddddd, .r13 = 0xeeeeeeeeeeeeeeee,
		.r14 = 0x0123456789abcdef, .r15 = 0xfedcba9876543210,
		.rip = LODGE_GUEST_CODE, .rflags = 0x8d7,
	};
}

TEST_F(regs, every_general_register_is_kept)
{
	struct kvm_regs set, got;

	fill(&set);
	lodge_vcpu_set_regs(&self->guest.vcpu, &set);
	lodge_vcpu_get_regs(&self->guest.vcpu, &got);
	ASSERT_EQ(0, memcmp(&set, &got, sizeof(set)));
}

TEST_F(regs, fixed_flag_reads_as_one)
{
	struct kvm_regs r = { 0 };

	lodge_vcpu_set_regs(&self->guest.vcpu, &r);
	lodge_vcpu_get_regs(&self->guest.vcpu, &r);
	ASSERT_EQ(2, r.rflags);
}

LODGE_GUEST64(rotate_all,
	"not %rax\n not %rbx\n not %rcx\n not %rdx\n"
	"not %rsi\n not %rdi\n not %rsp\n not %rbp\n"
	"not %r8\n not %r9\n not %r10\n not %r11\n"
	"not %r12\n not %r13\n not %r14\n not %r15\n"
	"hlt\n");

TEST_F(regs, the_guest_runs_with_them)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs set, got;
	uint64_t *a, *b;
	int i;

	lodge_guest_start(&self->guest, 64, rotate_all);
	fill(&set);
	lodge_vcpu_set_regs(vcpu, &set);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &got);
	a = (uint64_t *)&set;
	b = (uint64_t *)&got;
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(~a[i], b[i]);
	}
	ASSERT_EQ(set.rip + (rotate_all_end - rotate_all), got.rip);
	ASSERT_EQ(set.rflags, got.rflags & ~0x10000ULL);
}

static int try_sregs(struct lodge_vcpu *vcpu, const struct kvm_sregs *s)
{
	struct kvm_sregs copy = *s;

	return lodge_vcpu_set_sregs(vcpu, &copy);
}

#define REFUSED(member, value)						\
	do {								\
		struct kvm_sregs s_ = good;				\
		s_.member = (value);					\
		ASSERT_EQ(-EINVAL, try_sregs(vcpu, &s_)) {		\
			TH_LOG(#member " = " #value);			\
		}							\
		lodge_vcpu_get_sregs(vcpu, &now);			\
		ASSERT_EQ(0, memcmp(&good, &now, sizeof(now)));		\
	} while (0)

TEST_F(regs, illegal_control_registers_are_refused)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs good, now;

	lodge_guest_long(vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_get_sregs(vcpu, &good);
	ASSERT_EQ(0, try_sregs(vcpu, &good));
	REFUSED(cr0, good.cr0 & ~1ULL);			/* PG without PE */
	REFUSED(cr0, good.cr0 | 0x20000000);		/* NW without CD */
	REFUSED(cr0, good.cr0 | 1ULL << 32);
	REFUSED(cr0, good.cr0 | 1ULL << 63);
	REFUSED(cr4, good.cr4 & ~0x20ULL);		/* long mode needs PAE */
	REFUSED(cr4, good.cr4 | 1ULL << 15);
	REFUSED(cr4, good.cr4 | 1ULL << 31);
	REFUSED(cr4, good.cr4 | 1ULL << 63);
	REFUSED(efer, good.efer & ~0x400ULL);		/* LME and PG, no LMA */
	REFUSED(cr3, 1ULL << 62);
	REFUSED(apic_base, good.apic_base | 1);
	REFUSED(apic_base, 1ULL << 63);
}

TEST_F(regs, long_mode_bits_outside_long_mode_are_refused)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs good, now;

	lodge_guest_protected(vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_get_sregs(vcpu, &good);
	ASSERT_EQ(0, try_sregs(vcpu, &good));
	REFUSED(efer, 0x400);				/* LMA alone */
	REFUSED(cs.l, 1);
}

static const struct segment_case {
	const char *what;
	size_t offset;
} segment_case[] = {
	{ "cs", offsetof(struct kvm_sregs, cs) },
	{ "ds", offsetof(struct kvm_sregs, ds) },
	{ "es", offsetof(struct kvm_sregs, es) },
	{ "fs", offsetof(struct kvm_sregs, fs) },
	{ "gs", offsetof(struct kvm_sregs, gs) },
	{ "ss", offsetof(struct kvm_sregs, ss) },
	{ "ldt", offsetof(struct kvm_sregs, ldt) },
	{ "tr", offsetof(struct kvm_sregs, tr) },
};

TEST_F(regs, every_segment_keeps_base_limit_and_selector)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs set, got;
	unsigned int i;

	lodge_guest_protected(vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_get_sregs(vcpu, &set);
	for (i = 0; i < 8; i++) {
		struct kvm_segment *seg = (void *)((char *)&set +
						   segment_case[i].offset);

		seg->base = 0x100000 * (i + 1);
		seg->limit = 0xfffff;
		seg->selector = 0x100 + i * 8;
	}
	set.ldt = (struct kvm_segment){
		.base = 0x700000, .limit = 0xfffff, .selector = 0x130,
		.type = 2, .present = 1,
	};
	set.gdt.base = 0x12345678;
	set.gdt.limit = 0x7fff;
	set.idt.base = 0x87654321;
	set.idt.limit = 0x123;
	set.cr2 = 0xdeadbeef;
	set.cr3 = 0x3000;
	ASSERT_EQ(0, try_sregs(vcpu, &set));
	lodge_vcpu_get_sregs(vcpu, &got);
	for (i = 0; i < 8; i++) {
		struct kvm_segment *a = (void *)((char *)&set +
						 segment_case[i].offset);
		struct kvm_segment *b = (void *)((char *)&got +
						 segment_case[i].offset);

		ASSERT_EQ(a->base, b->base) TH_LOG("%s", segment_case[i].what);
		ASSERT_EQ(a->limit, b->limit);
		ASSERT_EQ(a->selector, b->selector);
		ASSERT_EQ(a->present, b->present);
	}
	ASSERT_EQ(set.gdt.base, got.gdt.base);
	ASSERT_EQ(set.gdt.limit, got.gdt.limit);
	ASSERT_EQ(set.idt.base, got.idt.base);
	ASSERT_EQ(set.idt.limit, got.idt.limit);
	ASSERT_EQ(set.cr2, got.cr2);
	ASSERT_EQ(set.cr3, got.cr3);
}

LODGE_GUEST64(read_control,
	"mov %cr0, %rax\n mov %cr3, %rbx\n mov %cr4, %rcx\n"
	"mov %cr2, %rdx\n"
	"sub $32, %rsp\n"
	"sgdt (%rsp)\n mov 2(%rsp), %rsi\n"
	"sidt (%rsp)\n mov 2(%rsp), %rdi\n"
	"mov %ds, %r8\n mov %cs, %r9\n str %r10\n"
	"hlt\n");

TEST_F(regs, the_guest_sees_its_control_registers)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs s;
	struct kvm_regs r;

	lodge_guest_start(&self->guest, 64, read_control);
	lodge_vcpu_get_sregs(vcpu, &s);
	s.cr2 = 0x123456789abc;
	ASSERT_EQ(0, try_sregs(vcpu, &s));
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &r);
	ASSERT_EQ(s.cr0, r.rax);
	ASSERT_EQ(s.cr3, r.rbx);
	ASSERT_EQ(s.cr4, r.rcx);
	ASSERT_EQ(s.cr2, r.rdx);
	ASSERT_EQ(LODGE_GUEST_GDT, r.rsi);
	ASSERT_EQ(LODGE_GUEST_IDT, r.rdi);
	ASSERT_EQ(LODGE_GUEST_DS, r.r8 & 0xffff);
	ASSERT_EQ(LODGE_GUEST_CS64, r.r9 & 0xffff);
	ASSERT_EQ(LODGE_GUEST_TSS, r.r10 & 0xffff);
}

LODGE_GUEST64(write_control,
	"mov %cr0, %rax\n or $8, %rax\n mov %rax, %cr0\n"	/* TS */
	"mov %cr4, %rax\n or $0x80, %rax\n mov %rax, %cr4\n"	/* PGE */
	"mov $0x7000, %eax\n mov %rax, %cr2\n"
	"mov %cr3, %rax\n mov %rax, %cr3\n"
	"mov $0xc0000080, %ecx\n rdmsr\n and $~0x800, %eax\n wrmsr\n"
	"hlt\n");

TEST_F(regs, what_the_guest_writes_can_be_read)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs before, after;

	lodge_guest_start(&self->guest, 64, write_control);
	lodge_vcpu_get_sregs(vcpu, &before);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_sregs(vcpu, &after);
	ASSERT_EQ(before.cr0 | 8, after.cr0);
	ASSERT_EQ(before.cr4 | 0x80, after.cr4);
	ASSERT_EQ(0x7000, after.cr2);
	ASSERT_EQ(before.efer & ~0x800ULL, after.efer);
}

LODGE_GUEST64(bad_cr0, "mov $1, %eax\n shl $40, %rax\n mov %rax, %cr0\n");
LODGE_GUEST64(bad_cr4, "mov $1, %eax\n shl $40, %rax\n mov %rax, %cr4\n");
LODGE_GUEST64(no_pae, "mov $0x200, %eax\n mov %rax, %cr4\n");
LODGE_GUEST64(no_pe, "mov %cr0, %rax\n and $~1, %rax\n mov %rax, %cr0\n");

TEST_F(regs, the_guest_gets_a_fault_for_illegal_values)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, bad_cr0);
	ASSERT_EQ(13, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
	lodge_guest_start(&self->guest, 64, bad_cr4);
	ASSERT_EQ(13, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
	lodge_guest_start(&self->guest, 64, no_pae);
	ASSERT_EQ(13, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
	lodge_guest_start(&self->guest, 64, no_pe);
	ASSERT_EQ(13, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
}

LODGE_GUEST16(climb,
	/* real mode to 32-bit to 64-bit, reporting at each step */
	"cli\n"
	"mov $1, %eax\n out %eax, $0xe9\n"
	"data32 lgdt %cs:gdt_ptr - climb\n"
	"mov %cr0, %eax\n or $1, %eax\n mov %eax, %cr0\n"
	"data32 ljmp $0x08, $0x10000 + prot - climb\n"
	"gdt_ptr: .word 0x2f\n .long 0x1000\n"
	".code32\n"
	"prot: mov $0x18, %eax\n mov %eax, %ds\n mov %eax, %ss\n"
	"mov $2, %eax\n out %eax, $0xe9\n"
	"mov %cr4, %eax\n or $0x20, %eax\n mov %eax, %cr4\n"
	"mov $0x3000, %eax\n mov %eax, %cr3\n"
	"mov $0xc0000080, %ecx\n rdmsr\n or $0x100, %eax\n wrmsr\n"
	"mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
	"ljmp $0x10, $0x10000 + long - climb\n"
	".code64\n"
	"long: mov $3, %eax\n out %eax, $0xe9\n"
	"hlt\n");

TEST_F(regs, the_guest_climbs_from_real_to_long_mode)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs s;

	lodge_vcpu_set_cpuid(vcpu);
	lodge_guest_start(&self->guest, 16, climb);
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_vcpu_get_sregs(vcpu, &s);
	ASSERT_EQ(0, s.cr0 & 1);
	ASSERT_EQ(2, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_vcpu_get_sregs(vcpu, &s);
	ASSERT_EQ(1, s.cr0 & 1);
	ASSERT_EQ(1, s.cs.db);
	ASSERT_EQ(0, s.efer);
	ASSERT_EQ(3, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_vcpu_get_sregs(vcpu, &s);
	ASSERT_EQ(0x500, s.efer & 0x500);
	ASSERT_EQ(1, s.cs.l);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

TEST_F(regs, pending_vector_in_sregs_is_injected)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs s;

	lodge_guest_start(&self->guest, 64, rotate_all);
	lodge_vcpu_get_sregs(vcpu, &s);
	ASSERT_EQ(0, s.interrupt_bitmap[0] | s.interrupt_bitmap[1]);
	s.interrupt_bitmap[0x45 / 64] = 1ULL << (0x45 % 64);
	ASSERT_EQ(0, try_sregs(vcpu, &s));
	lodge_vcpu_get_sregs(vcpu, &s);
	ASSERT_EQ(1ULL << (0x45 % 64), s.interrupt_bitmap[0x45 / 64]);
	ASSERT_EQ(0x45, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
}

static int sregs2(struct lodge_vcpu *vcpu, unsigned long request,
		  struct kvm_sregs2 *s)
{
	return lodge_vm_ioctl(vcpu->fd, request, s);
}

TEST_F(regs, sregs2_agrees_with_sregs)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs2 s2;
	struct kvm_sregs s;

	lodge_dev_require_ext(KVM_CAP_SREGS2, "KVM_CAP_SREGS2");
	lodge_guest_long(vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_get_sregs(vcpu, &s);
	ASSERT_EQ(0, sregs2(vcpu, KVM_GET_SREGS2, &s2));
	ASSERT_EQ(0, memcmp(&s, &s2, offsetof(struct kvm_sregs, apic_base)));
	ASSERT_EQ(s.apic_base, s2.apic_base);
	ASSERT_EQ(0, s2.flags);
	ASSERT_EQ(0, sregs2(vcpu, KVM_SET_SREGS2, &s2));
	s2.flags = 2;
	ASSERT_EQ(-EINVAL, sregs2(vcpu, KVM_SET_SREGS2, &s2));
	s2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	ASSERT_EQ(-EINVAL, sregs2(vcpu, KVM_SET_SREGS2, &s2));
}

TEST_F(regs, sregs2_carries_pae_pointers)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint64_t *pdpt = (uint64_t *)(self->guest.vm.mem + 0xa000);
	struct kvm_sregs2 s2;
	struct kvm_sregs s;

	lodge_dev_require_ext(KVM_CAP_SREGS2, "KVM_CAP_SREGS2");
	pdpt[0] = LODGE_GUEST_PD | 1;
	lodge_guest_protected(vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_get_sregs(vcpu, &s);
	s.cr4 = 0x20;
	s.cr3 = 0xa000;
	s.cr0 |= 0x80000000;
	ASSERT_EQ(0, try_sregs(vcpu, &s));
	ASSERT_EQ(0, sregs2(vcpu, KVM_GET_SREGS2, &s2));
	ASSERT_EQ(0, s2.flags & ~(__u64)KVM_SREGS2_FLAGS_PDPTRS_VALID);
	if (s2.flags) {
		ASSERT_EQ(LODGE_GUEST_PD | 1, s2.pdptrs[0]);
	}
	ASSERT_EQ(0, sregs2(vcpu, KVM_SET_SREGS2, &s2));
	memcpy(self->guest.vm.mem + LODGE_GUEST_CODE, "\xf4", 1);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

LODGE_TEST_MAIN
