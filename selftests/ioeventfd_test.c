// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: a matching write signals the descriptor and does not leave the
 * guest; everything else exits as before.
 */
#include <sys/eventfd.h>

#include "lodge_test.h"

#define MMIO LODGE_GUEST_MMIO
#define PIO KVM_IOEVENTFD_FLAG_PIO
#define MATCH KVM_IOEVENTFD_FLAG_DATAMATCH
#define DEASSIGN KVM_IOEVENTFD_FLAG_DEASSIGN

FIXTURE(ev) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	int fd, other;
};

FIXTURE_SETUP(ev)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	self->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	self->other = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(ev)
{
	lodge_guest_teardown(&self->guest);
}

static int ioeventfd(struct lodge_vm *vm, int fd, uint32_t flags,
		     uint64_t addr, uint32_t len, uint64_t match)
{
	struct kvm_ioeventfd args = {
		.datamatch = match, .addr = addr, .len = len, .fd = fd,
		.flags = flags,
	};

	return lodge_vm_ioctl(vm->fd, KVM_IOEVENTFD, &args);
}

#define SET(fd, flags, addr, len, match) \
	ioeventfd(&self->guest.vm, fd, flags, addr, len, match)

static uint64_t drain(int fd)
{
	uint64_t value = 0;

	return read(fd, &value, 8) == 8 ? value : 0;
}

LODGE_GUEST64(ports,
	"mov $0x510, %edx\n"
	"mov $7, %eax\n"
	"out %ax, %dx\n"
	"out %ax, %dx\n"
	"mov $8, %eax\n"
	"out %ax, %dx\n"
	"out %al, %dx\n"
	"in %dx, %ax\n"
	"hlt\n");

TEST_F(ev, port_write_of_the_given_length_signals)
{
	ASSERT_EQ(0, SET(self->fd, PIO, 0x510, 2, 0));
	lodge_guest_start(&self->guest, 64, ports);
	ASSERT_EQ(8, lodge_vcpu_expect_out(self->vcpu, 0x510));
	ASSERT_EQ(1, self->vcpu->run->io.size);
	ASSERT_EQ(3, drain(self->fd));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(KVM_EXIT_IO_IN, self->vcpu->run->io.direction);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(0, drain(self->fd));
}

TEST_F(ev, data_must_match)
{
	ASSERT_EQ(0, SET(self->fd, PIO | MATCH, 0x510, 2, 7));
	lodge_guest_start(&self->guest, 64, ports);
	ASSERT_EQ(8, lodge_vcpu_expect_out(self->vcpu, 0x510));
	ASSERT_EQ(2, self->vcpu->run->io.size);
	ASSERT_EQ(2, drain(self->fd));
}

TEST_F(ev, several_matches_at_one_address)
{
	ASSERT_EQ(0, SET(self->fd, PIO | MATCH, 0x510, 2, 7));
	ASSERT_EQ(0, SET(self->other, PIO | MATCH, 0x510, 2, 8));
	lodge_guest_start(&self->guest, 64, ports);
	lodge_vcpu_expect_out(self->vcpu, 0x510);
	ASSERT_EQ(2, drain(self->fd));
	ASSERT_EQ(1, drain(self->other));
}

LODGE_GUEST64(memory,
	"mov $0x80000010, %edi\n"
	"mov $0x1122334455667788, %rax\n"
	"mov %al, (%rdi)\n"
	"mov %ax, (%rdi)\n"
	"mov %eax, (%rdi)\n"
	"mov %rax, (%rdi)\n"
	"mov %eax, 4(%rdi)\n"
	"hlt\n");

TEST_F(ev, memory_write_of_any_length)
{
	ASSERT_EQ(0, SET(self->fd, 0, MMIO + 0x10, 0, 0));
	lodge_guest_start(&self->guest, 64, memory);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(MMIO + 0x14, self->vcpu->run->mmio.phys_addr);
	ASSERT_EQ(4, drain(self->fd));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(ev, memory_write_of_each_length)
{
	static const uint64_t value[] = {
		0x88, 0x7788, 0x55667788, 0x1122334455667788,
	};
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, SET(self->fd, MATCH, MMIO + 0x10, 1 << i,
				 value[i]));
	}
	lodge_guest_start(&self->guest, 64, memory);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(MMIO + 0x14, self->vcpu->run->mmio.phys_addr);
	ASSERT_EQ(4, drain(self->fd));
}

TEST_F(ev, memory_and_ports_are_apart)
{
	ASSERT_EQ(0, SET(self->fd, 0, 0x510, 2, 0));
	lodge_guest_start(&self->guest, 64, ports);
	ASSERT_EQ(7, lodge_vcpu_expect_out(self->vcpu, 0x510));
	ASSERT_EQ(0, drain(self->fd));
}

TEST_F(ev, removed_it_exits_again)
{
	ASSERT_EQ(0, SET(self->fd, PIO, 0x510, 2, 0));
	ASSERT_EQ(0, SET(self->fd, PIO | DEASSIGN, 0x510, 2, 0));
	lodge_guest_start(&self->guest, 64, ports);
	ASSERT_EQ(7, lodge_vcpu_expect_out(self->vcpu, 0x510));
	ASSERT_EQ(0, drain(self->fd));
}

TEST_F(ev, removal_needs_the_same_description)
{
	ASSERT_EQ(0, SET(self->fd, PIO | MATCH, 0x510, 2, 7));
	ASSERT_EQ(-ENOENT, SET(self->fd, PIO | DEASSIGN, 0x510, 2, 0));
	ASSERT_EQ(-ENOENT, SET(self->fd, PIO | MATCH | DEASSIGN, 0x510, 2, 8));
	ASSERT_EQ(-ENOENT, SET(self->fd, PIO | MATCH | DEASSIGN, 0x512, 2, 7));
	ASSERT_EQ(-ENOENT, SET(self->fd, PIO | MATCH | DEASSIGN, 0x510, 4, 7));
	ASSERT_EQ(-ENOENT, SET(self->other, PIO | MATCH | DEASSIGN, 0x510, 2,
			       7));
	ASSERT_EQ(-ENOENT, SET(self->fd, MATCH | DEASSIGN, 0x510, 2, 7));
	ASSERT_EQ(0, SET(self->fd, PIO | MATCH | DEASSIGN, 0x510, 2, 7));
	ASSERT_EQ(-ENOENT, SET(self->fd, PIO | MATCH | DEASSIGN, 0x510, 2, 7));
}

TEST_F(ev, the_same_twice_is_refused)
{
	ASSERT_EQ(0, SET(self->fd, 0, MMIO, 4, 0));
	ASSERT_EQ(-EEXIST, SET(self->other, 0, MMIO, 4, 0));
	ASSERT_EQ(-EEXIST, SET(self->other, MATCH, MMIO, 4, 9));
	ASSERT_EQ(0, SET(self->fd, MATCH, MMIO + 4, 4, 9));
	ASSERT_EQ(-EEXIST, SET(self->other, MATCH, MMIO + 4, 4, 9));
	ASSERT_EQ(-EEXIST, SET(self->other, 0, MMIO + 4, 4, 0));
	ASSERT_EQ(0, SET(self->other, MATCH, MMIO + 4, 4, 10));
}

TEST_F(ev, arguments_are_checked)
{
	int plain = open("/dev/null", O_RDWR | O_CLOEXEC);

	ASSERT_EQ(-EINVAL, SET(self->fd, 1 << 5, MMIO, 4, 0));
	ASSERT_EQ(-EINVAL, SET(self->fd, 1U << 31, MMIO, 4, 0));
	ASSERT_EQ(-EINVAL, SET(self->fd, 0, MMIO, 3, 0));
	ASSERT_EQ(-EINVAL, SET(self->fd, 0, MMIO, 16, 0));
	ASSERT_EQ(-EINVAL, SET(self->fd, MATCH, MMIO, 0, 0));
	ASSERT_EQ(-EINVAL, SET(self->fd, 0, -2ULL, 4, 0));
	ASSERT_EQ(-EINVAL, SET(plain, 0, MMIO, 4, 0));
	ASSERT_EQ(-EBADF, SET(-1, 0, MMIO, 4, 0));
	ASSERT_EQ(-EBADF, SET(12345, DEASSIGN, MMIO, 4, 0));
}

TEST_F(ev, the_descriptor_may_be_closed)
{
	int fd = dup(self->fd);

	ASSERT_EQ(0, SET(fd, PIO, 0x510, 2, 0));
	ASSERT_EQ(0, close(fd));
	lodge_guest_start(&self->guest, 64, ports);
	lodge_vcpu_expect_out(self->vcpu, 0x510);
	ASSERT_EQ(3, drain(self->fd));
}

TEST_F(ev, many_come_and_go)
{
	int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < 60; i++) {
			ASSERT_EQ(0, SET(self->fd, 0, MMIO + 4 * i, 0, 0));
		}
		for (i = 0; i < 60; i++) {
			ASSERT_EQ(0, SET(self->fd, DEASSIGN, MMIO + 4 * i, 0,
					 0));
		}
	}
}

LODGE_TEST_MAIN
