// SPDX-License-Identifier: GPL-2.0
/*
 * Binary statistics: header, descriptors and data fit together, names are
 * what tools look for, and the numbers move.
 */
#include "lodge_test.h"

#define NAME_MAX_BYTES 256

LODGE_GUEST_FIXTURE(stats);

struct stats {
	struct kvm_stats_header head;
	struct kvm_stats_desc *desc;
	size_t desc_size;
	int fd;
};

static struct kvm_stats_desc *desc_at(struct stats *s, unsigned int i)
{
	return (void *)((char *)s->desc + i * s->desc_size);
}

static void load(struct stats *s, int owner)
{
	size_t size;

	s->fd = lodge_vm_ioctl(owner, KVM_GET_STATS_FD, NULL);
	lodge_check(s->fd >= 0, "KVM_GET_STATS_FD gave %d", s->fd);
	lodge_check(read(s->fd, &s->head, sizeof(s->head)) == sizeof(s->head),
		    "header");
	lodge_check(s->head.name_size > 0 &&
		    s->head.name_size <= NAME_MAX_BYTES &&
		    s->head.num_desc > 0, "%u names of %u bytes",
		    s->head.num_desc, s->head.name_size);
	s->desc_size = sizeof(*s->desc) + s->head.name_size;
	size = s->desc_size * s->head.num_desc;
	s->desc = malloc(size);
	lodge_check(pread(s->fd, s->desc, size, s->head.desc_offset) == size,
		    "descriptors");
}

static int find(struct stats *s, const char *name)
{
	unsigned int i;

	for (i = 0; i < s->head.num_desc; i++)
		if (!strcmp(desc_at(s, i)->name, name))
			return i;
	return -1;
}

static uint64_t value(struct stats *s, const char *name)
{
	int i = find(s, name);
	uint64_t v;

	lodge_check(i >= 0, "no statistic named %s", name);
	lodge_check(pread(s->fd, &v, 8, s->head.data_offset +
			  desc_at(s, i)->offset) == 8, "%s", name);
	return v;
}

static void check_layout(struct __test_metadata *_metadata, struct stats *s)
{
	unsigned int i, j;
	size_t end = 0;
	char *data;

	ASSERT_EQ(0, s->head.flags);
	ASSERT_LE(sizeof(s->head), s->head.id_offset);
	ASSERT_LE(s->head.id_offset + s->head.name_size, s->head.desc_offset);
	ASSERT_LE(s->head.desc_offset + s->desc_size * s->head.num_desc,
		  s->head.data_offset);
	for (i = 0; i < s->head.num_desc; i++) {
		struct kvm_stats_desc *d = desc_at(s, i);
		uint32_t type = d->flags & KVM_STATS_TYPE_MASK;
		uint32_t unit = d->flags & KVM_STATS_UNIT_MASK;

		ASSERT_LT(0, strnlen(d->name, s->head.name_size));
		ASSERT_GT(s->head.name_size,
			  strnlen(d->name, s->head.name_size));
		ASSERT_LE(type, KVM_STATS_TYPE_MAX);
		ASSERT_LE(unit, KVM_STATS_UNIT_MAX);
		ASSERT_LE(d->flags & KVM_STATS_BASE_MASK, KVM_STATS_BASE_MAX);
		ASSERT_LT(0, d->size);
		ASSERT_EQ(0, d->offset % 8);
		if (type != KVM_STATS_TYPE_LINEAR_HIST &&
		    type != KVM_STATS_TYPE_LOG_HIST) {
			ASSERT_EQ(1, d->size);
		}
		if (type == KVM_STATS_TYPE_LINEAR_HIST) {
			ASSERT_LT(0, d->bucket_size);
		} else {
			ASSERT_EQ(0, d->bucket_size);
		}
		for (j = 0; j < i; j++) {
			ASSERT_NE(0, strcmp(d->name, desc_at(s, j)->name));
			ASSERT_NE(d->offset, desc_at(s, j)->offset);
		}
		if (d->offset + d->size * 8UL > end)
			end = d->offset + d->size * 8UL;
	}
	data = malloc(end + 64);
	ASSERT_EQ(end, pread(s->fd, data, end + 64, s->head.data_offset));
	ASSERT_EQ(0, pread(s->fd, data, 8, s->head.data_offset + end));
}

TEST_F(stats, layout_of_the_vms)
{
	struct stats s;
	char id[NAME_MAX_BYTES], wanted[64];

	load(&s, self->guest.vm.fd);
	check_layout(_metadata, &s);
	ASSERT_EQ(s.head.name_size, pread(s.fd, id, s.head.name_size,
					  s.head.id_offset));
	snprintf(wanted, sizeof(wanted), "kvm-%d", getpid());
	ASSERT_EQ(0, strcmp(wanted, id)) TH_LOG("%s", id);
}

TEST_F(stats, layout_of_a_vcpus)
{
	struct stats s;
	char id[NAME_MAX_BYTES], wanted[64];

	load(&s, self->guest.vcpu.fd);
	check_layout(_metadata, &s);
	ASSERT_EQ(s.head.name_size, pread(s.fd, id, s.head.name_size,
					  s.head.id_offset));
	snprintf(wanted, sizeof(wanted), "kvm-%d/vcpu-0", getpid());
	ASSERT_EQ(0, strcmp(wanted, id)) TH_LOG("%s", id);
}

LODGE_GUEST64(exits,
	"mov $50, %ecx\n"
	"1: out %eax, $0xe9\n"
	"loop 1b\n"
	"mov 0x80000000, %al\n"
	"hlt\n");

TEST_F(stats, numbers_move_with_the_guest)
{
	struct stats s;
	uint64_t exits_before, io, mmio, halt;
	int i;

	load(&s, self->guest.vcpu.fd);
	lodge_guest_start(&self->guest, 64, exits);
	exits_before = value(&s, "exits");
	io = value(&s, "io_exits");
	mmio = value(&s, "mmio_exits");
	halt = value(&s, "halt_exits");
	for (i = 0; i < 50; i++) {
		lodge_vcpu_expect_out(&self->guest.vcpu, LODGE_GUEST_PORT);
	}
	lodge_vcpu_expect(&self->guest.vcpu, KVM_EXIT_MMIO);
	lodge_vcpu_expect(&self->guest.vcpu, KVM_EXIT_HLT);
	ASSERT_LE(exits_before + 52, value(&s, "exits"));
	ASSERT_EQ(io + 50, value(&s, "io_exits"));
	ASSERT_EQ(mmio + 1, value(&s, "mmio_exits"));
	ASSERT_EQ(halt + 1, value(&s, "halt_exits"));
}

TEST_F(stats, the_file_outlives_its_owner)
{
	struct lodge_vcpu vcpu;
	struct lodge_vm vm;
	struct stats a, b;
	uint64_t v;

	lodge_vm_create(&vm);
	lodge_vcpu_create(&vm, &vcpu, 3);
	load(&a, vm.fd);
	load(&b, vcpu.fd);
	lodge_vcpu_destroy(&vcpu);
	lodge_vm_destroy(&vm);
	v = value(&b, "exits");
	ASSERT_EQ(0, v);
	ASSERT_EQ(8, pread(a.fd, &v, 8, a.head.data_offset));
	ASSERT_EQ(0, close(a.fd));
	ASSERT_EQ(0, close(b.fd));
}

TEST_F(stats, the_file_is_for_reading)
{
	char *nowhere = mmap(NULL, 4096, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stats s;
	char byte = 0;

	load(&s, self->guest.vm.fd);
	ASSERT_EQ(-1, write(s.fd, &byte, 1));
	ASSERT_EQ(0, pread(s.fd, &byte, 1, 1 << 20));
	ASSERT_EQ(-1, pread(s.fd, nowhere, 8, 0));
	ASSERT_EQ(EFAULT, errno);
}

TEST_F(stats, short_reads_give_the_same_bytes)
{
	char whole[4096], part[4096];
	struct stats s;
	int i, size;

	load(&s, self->guest.vm.fd);
	size = pread(s.fd, whole, sizeof(whole), 0);
	ASSERT_LT(s.head.data_offset, size);
	for (i = 0; i + 7 <= size; i += 7) {
		ASSERT_EQ(7, pread(s.fd, part, 7, i));
		if (i + 7 <= s.head.data_offset) {
			ASSERT_EQ(0, memcmp(part, whole + i, 7));
		}
	}
}

LODGE_TEST_MAIN
