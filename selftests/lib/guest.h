/* SPDX-License-Identifier: GPL-2.0 */
/*
 * guest.h - what runs inside: code, page tables, descriptor tables
 *
 * Guest code comes in two kinds. Assembly is written with LODGE_GUEST16/32/64()
 * and loaded anywhere. C functions marked LODGE_GUEST_FN run in long mode;
 * they may call only each other and must not touch the host's data, since
 * only their section is copied into the guest.
 *
 * Guest physical memory below LODGE_GUEST_MEM_SIZE is slot 0. Long mode maps
 * the first 4 GiB one to one with 2 MiB pages.
 */
#ifndef LODGE_SELFTEST_GUEST_H
#define LODGE_SELFTEST_GUEST_H

#include "vm.h"

#define LODGE_GUEST_GDT		0x01000UL
#define LODGE_GUEST_IDT		0x02000UL
#define LODGE_GUEST_PML4	0x03000UL
#define LODGE_GUEST_PDPT	0x04000UL
#define LODGE_GUEST_PD		0x05000UL	/* four tables */
#define LODGE_GUEST_VECTORS	0x09000UL
#define LODGE_GUEST_CODE	0x10000UL
#define LODGE_GUEST_DATA	0x40000UL
#define LODGE_GUEST_STACK	0x80000UL	/* 16 KiB a vCPU, downwards */
#define LODGE_GUEST_FREE	0x200000UL
#define LODGE_GUEST_MEM_SIZE	0x400000UL
#define LODGE_GUEST_MMIO	0x80000000UL	/* no memory by default */

/* Port on which an exception's handler reports the vector, and ucall's own. */
#define LODGE_GUEST_TRAP_PORT	0xfe
#define LODGE_GUEST_PORT	0xe9

#define LODGE_GUEST_CS32	0x08
#define LODGE_GUEST_CS64	0x10
#define LODGE_GUEST_DS		0x18
#define LODGE_GUEST_TSS		0x20

#define LODGE_GUEST_BLOB(bits, name, ...)				\
	asm(".pushsection .rodata\n"					\
	    ".code" #bits "\n"						\
	    #name ":\n"							\
	    __VA_ARGS__ "\n"						\
	    #name "_end:\n"						\
	    LODGE_GUEST_HOST_BITS					\
	    ".popsection\n");						\
	extern const unsigned char name[], name##_end[]
#define LODGE_GUEST16(name, ...) LODGE_GUEST_BLOB(16, name, __VA_ARGS__)
#define LODGE_GUEST32(name, ...) LODGE_GUEST_BLOB(32, name, __VA_ARGS__)
#define LODGE_GUEST64(name, ...) LODGE_GUEST_BLOB(64, name, __VA_ARGS__)
#ifdef __x86_64__
#define LODGE_GUEST_HOST_BITS ".code64\n"
#else
#define LODGE_GUEST_HOST_BITS ".code32\n"
#endif

#define LODGE_GUEST_FN							\
	__attribute__((section("lodge_guest"), noinline, used,		\
		       target("general-regs-only")))
#define LODGE_GUEST_INLINE						\
	static inline __attribute__((always_inline,			\
				     target("general-regs-only")))

/* One VM with memory, tables and one vCPU: what most tests start from. */
struct lodge_guest {
	struct lodge_vm vm;
	struct lodge_vcpu vcpu;
};

void lodge_guest_setup(struct lodge_guest *guest);
void lodge_guest_teardown(struct lodge_guest *guest);
void lodge_guest_init(struct lodge_vm *vm);
void lodge_guest_load(struct lodge_vm *vm, uint64_t gpa,
		      const unsigned char *code, const unsigned char *end);
void lodge_guest_real(struct lodge_vcpu *vcpu, uint32_t gpa);
void lodge_guest_protected(struct lodge_vcpu *vcpu, uint32_t rip);
void lodge_guest_long(struct lodge_vcpu *vcpu, uint64_t rip);
void lodge_guest_call(struct lodge_vcpu *vcpu, void (*fn)(uint64_t),
		      uint64_t arg);
void lodge_guest_map(struct lodge_vm *vm, uint64_t gva, uint64_t entry);
void lodge_guest_run_blob(struct lodge_guest *guest, int bits,
			  const unsigned char *code, const unsigned char *end);
void lodge_guest_set_ip(struct lodge_vcpu *vcpu, uint64_t rip);

#define lodge_guest_start(guest, bits, name) \
	lodge_guest_run_blob(guest, bits, name, name##_end)

LODGE_GUEST_INLINE void lodge_guest_out(uint16_t port, uint32_t value)
{
	asm volatile("outl %0, %w1" : : "a"(value), "Nd"(port) : "memory");
}

LODGE_GUEST_INLINE uint32_t lodge_guest_in(uint16_t port)
{
	uint32_t value;

	asm volatile("inl %w1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

/* Report a value to the test, which sees an `out` to LODGE_GUEST_PORT. */
LODGE_GUEST_INLINE void lodge_guest_say(uint32_t value)
{
	lodge_guest_out(LODGE_GUEST_PORT, value);
}

/* Fixture with one guest: self->guest. */
#define LODGE_GUEST_FIXTURE(name)					\
	FIXTURE(name) { struct lodge_guest guest; };			\
	FIXTURE_SETUP(name) { lodge_guest_setup(&self->guest); }	\
	FIXTURE_TEARDOWN(name) { lodge_guest_teardown(&self->guest); }	\
	_Static_assert(1, "")

/* main() of every test: the device first, then the cases. */
#define LODGE_TEST_MAIN							\
	int main(int argc, char **argv)					\
	{								\
		lodge_dev_require();					\
		return test_harness_run(argc, argv);			\
	}

#endif
