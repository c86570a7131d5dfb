// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced writes: they gather in the ring, in order, and nothing that user
 * space does to the ring's indices hurts anybody.
 */
#include <pthread.h>

#include "lodge_test.h"

#define MMIO LODGE_GUEST_MMIO
#define PAGE 4096UL
#define ENTRIES ((PAGE - sizeof(struct kvm_coalesced_mmio_ring)) / \
		 sizeof(struct kvm_coalesced_mmio))

FIXTURE(ring) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	volatile struct kvm_coalesced_mmio_ring *ring;
};

FIXTURE_SETUP(ring)
{
	int page;

	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	page = lodge_vm_check(&self->guest.vm, KVM_CAP_COALESCED_MMIO);
	ASSERT_EQ(2, page);
	self->ring = (void *)((char *)self->vcpu->run + page * PAGE);
}

FIXTURE_TEARDOWN(ring)
{
	lodge_guest_teardown(&self->guest);
}

static int zone(struct lodge_vm *vm, bool add, uint64_t addr, uint32_t size,
		uint32_t pio)
{
	struct kvm_coalesced_mmio_zone zone = {
		.addr = addr, .size = size, .pio = pio,
	};

	return lodge_vm_ioctl(vm->fd, add ? KVM_REGISTER_COALESCED_MMIO :
			      KVM_UNREGISTER_COALESCED_MMIO, &zone);
}

LODGE_GUEST64(three_writes,
	"mov $0x80000000, %edi\n"
	"movl $0x11223344, (%rdi)\n"
	"movb $0x55, 9(%rdi)\n"
	"mov $0x1122334455667788, %rax\n"
	"mov %rax, 16(%rdi)\n"
	"hlt\n");

TEST_F(ring, writes_gather_in_order)
{
	uint64_t value = 0x1122334455667788;
	struct kvm_coalesced_mmio *e;

	ASSERT_EQ(0, zone(&self->guest.vm, true, MMIO, PAGE, 0));
	lodge_guest_start(&self->guest, 64, three_writes);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(0, self->ring->first);
	ASSERT_EQ(3, self->ring->last);
	e = (void *)self->ring->coalesced_mmio;
	ASSERT_EQ(MMIO, e[0].phys_addr);
	ASSERT_EQ(4, e[0].len);
	ASSERT_EQ(0, e[0].pio);
	ASSERT_EQ(0, memcmp(e[0].data, "\x44\x33\x22\x11", 4));
	ASSERT_EQ(MMIO + 9, e[1].phys_addr);
	ASSERT_EQ(1, e[1].len);
	ASSERT_EQ(0x55, e[1].data[0]);
	ASSERT_EQ(MMIO + 16, e[2].phys_addr);
	ASSERT_EQ(8, e[2].len);
	ASSERT_EQ(0, memcmp(e[2].data, &value, 8));
}

LODGE_GUEST64(port_writes,
	"mov $0x510, %edx\n"
	"mov $0xabcd, %eax\n"
	"out %ax, %dx\n"
	"in %dx, %al\n"
	"mov $0x514, %edx\n"
	"out %al, %dx\n"
	"hlt\n");

TEST_F(ring, port_writes_gather_and_reads_do_not)
{
	struct kvm_coalesced_mmio *e = (void *)self->ring->coalesced_mmio;

	lodge_dev_require_ext(KVM_CAP_COALESCED_PIO, "KVM_CAP_COALESCED_PIO");
	ASSERT_EQ(0, zone(&self->guest.vm, true, 0x510, 4, 1));
	lodge_guest_start(&self->guest, 64, port_writes);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(KVM_EXIT_IO_IN, self->vcpu->run->io.direction);
	ASSERT_EQ(1, self->ring->last);
	ASSERT_EQ(0x510, e[0].phys_addr);
	ASSERT_EQ(2, e[0].len);
	ASSERT_EQ(1, e[0].pio);
	ASSERT_EQ(0xcd, e[0].data[0]);
	ASSERT_EQ(0xab, e[0].data[1]);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(0x514, self->vcpu->run->io.port);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(ring, only_accesses_wholly_inside_gather)
{
	/* Sub-page and unaligned, as network cards have them. */
	ASSERT_EQ(0, zone(&self->guest.vm, true, MMIO + 9, 12, 0));
	lodge_guest_start(&self->guest, 64, three_writes);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(MMIO, self->vcpu->run->mmio.phys_addr);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(MMIO + 16, self->vcpu->run->mmio.phys_addr);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(1, self->ring->last);
	ASSERT_EQ(MMIO + 9, self->ring->coalesced_mmio[0].phys_addr);
}

LODGE_GUEST64(endless,
	"mov $0x80000000, %edi\n"
	"1: inc %eax\n"
	"mov %eax, (%rdi)\n"
	"jmp 1b\n");

TEST_F(ring, a_full_ring_exits)
{
	struct kvm_coalesced_mmio *e = (void *)self->ring->coalesced_mmio;
	uint32_t i, value;

	ASSERT_EQ(0, zone(&self->guest.vm, true, MMIO, PAGE, 0));
	lodge_guest_start(&self->guest, 64, endless);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(ENTRIES - 1, self->ring->last);
	memcpy(&value, self->vcpu->run->mmio.data, 4);
	ASSERT_EQ(ENTRIES, value & 0xff);
	for (i = 1; i < ENTRIES - 1; i++) {
		uint32_t a, b;

		memcpy(&a, e[i - 1].data, 4);
		memcpy(&b, e[i].data, 4);
		ASSERT_EQ(a + 1, b);
	}
	/* Room for two: the ring wraps. */
	self->ring->first = 2;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(1, self->ring->last);
}

TEST_F(ring, unregistered_zones_exit_again)
{
	ASSERT_EQ(0, zone(&self->guest.vm, true, MMIO, PAGE, 0));
	ASSERT_EQ(0, zone(&self->guest.vm, false, MMIO, PAGE, 0));
	lodge_guest_start(&self->guest, 64, three_writes);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(MMIO, self->vcpu->run->mmio.phys_addr);
}

TEST_F(ring, unregistering_the_unknown_succeeds)
{
	ASSERT_EQ(0, zone(&self->guest.vm, false, MMIO, PAGE, 0));
	ASSERT_EQ(0, zone(&self->guest.vm, true, MMIO, PAGE, 0));
	ASSERT_EQ(0, zone(&self->guest.vm, false, MMIO + 0x10000, 4, 0));
	lodge_guest_start(&self->guest, 64, three_writes);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(ring, kind_is_checked)
{
	ASSERT_EQ(-EINVAL, zone(&self->guest.vm, true, MMIO, PAGE, 2));
	ASSERT_EQ(-EINVAL, zone(&self->guest.vm, false, MMIO, PAGE, 2));
}

TEST_F(ring, many_zones_come_and_go)
{
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 70; i++) {
			ASSERT_EQ(0, zone(&self->guest.vm, true,
					  MMIO + i * 0x100, 0x80, 0));
		}
		for (i = 69; i >= 0; i--) {
			ASSERT_EQ(0, zone(&self->guest.vm, false,
					  MMIO + i * 0x100, 0x80, 0));
		}
	}
}

TEST_F(ring, the_ring_is_the_vms)
{
	volatile struct kvm_coalesced_mmio_ring *other;
	struct lodge_vcpu second;

	lodge_vcpu_create(&self->guest.vm, &second, 1);
	other = (void *)((char *)second.run + 2 * PAGE);
	ASSERT_EQ(0, zone(&self->guest.vm, true, MMIO, PAGE, 0));
	lodge_guest_start(&self->guest, 64, three_writes);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(3, other->last);
}

/* CVE-2019-14821: the indices are in a page that user space writes. */
TEST_F(ring, hostile_indices_are_harmless)
{
	static const uint32_t bad[] = {
		ENTRIES, ENTRIES + 1, 1000, 0x7fffffff, 0x80000000, -1,
	};
	unsigned int i;

	ASSERT_EQ(0, zone(&self->guest.vm, true, MMIO, PAGE, 0));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		lodge_guest_start(&self->guest, 64, three_writes);
		self->ring->first = 0;
		self->ring->last = bad[i];
		/* No room can be found with such an index. */
		lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
		self->ring->last = 0;
		self->ring->first = bad[i];
		lodge_vm_ioctl(self->vcpu->fd, KVM_RUN, NULL);
	}
}

static volatile int stop_scribbling;

static void *scribble(void *arg)
{
	volatile struct kvm_coalesced_mmio_ring *ring = arg;
	unsigned int seed = 3;

	while (!stop_scribbling) {
		ring->last = rand_r(&seed);
		ring->first = rand_r(&seed);
		ring->last = rand_r(&seed) % ENTRIES;
	}
	return NULL;
}

TEST_F(ring, indices_that_change_meanwhile_are_harmless)
{
	double end = lodge_host_now() + 2;
	pthread_t thread;

	ASSERT_EQ(0, zone(&self->guest.vm, true, MMIO, PAGE, 0));
	lodge_guest_start(&self->guest, 64, endless);
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble,
				    (void *)self->ring));
	while (lodge_host_now() < end) {
		lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
	}
	stop_scribbling = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

LODGE_TEST_MAIN
