/*
 * sort: sorts the lines of a text file with a binary search tree that lives in two private heaps, one for the nodes and
 * one for the lines ("Unit OS5: Memory Management 5.2", sorting with a binary search tree). Two HeapDestroy calls give
 * everything back.
 *
 *   sort file        prints the sorted lines
 *   sort -n file     prints counts and checksums only
 *
 * Each node draws a pseudo-random priority and the tree is kept a heap in it (a treap), so a file that is sorted
 * already makes no deeper a tree than any other. Insertion is a loop; only the walk recurses, as deep as the tree is.
 * Lines compare as unsigned bytes; an empty line is a line; CR before LF is not part of it.
 *
 * The program checks itself: what the walk meets must be in order, and must be as many lines, bytes and the same sum
 * of line hashes as was read. It says so and ends with 3 if it is not. "HeapCreate", "HeapAlloc" and "HeapDestroy"
 * (Microsoft) are where the heap flags and results come from.
 */
#include <windows.h>
#include <stdio.h>
#include <string.h>

#define NODE_HEAP_BYTES 0x8000
#define DATA_HEAP_BYTES 0x8000
#define HEAP_FLAGS (HEAP_GENERATE_EXCEPTIONS | HEAP_NO_SERIALIZE)
#define BLOCK_BYTES 0x10000

typedef struct Node {
  struct Node *left, *right;
  const unsigned char *line;
  unsigned length;
  unsigned priority;
} Node;

typedef struct Totals {
  unsigned lines;
  unsigned long long bytes;
  unsigned long long hash;
} Totals;

typedef struct Walk {
  Totals totals;
  const Node *last;
  unsigned unordered;
  unsigned height;
  int quiet;
} Walk;

static HANDLE node_heap, data_heap;
static Node *root;
static Totals input;

static unsigned next_priority(void) {
  static unsigned state = 0x9E3779B9u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

/* FNV-1a of the line; the sum over all lines does not depend on their order. */
static void add_to(Totals *totals, const unsigned char *line, unsigned length) {
  unsigned long long hash = 0xCBF29CE484222325ull;
  for (unsigned i = 0; i < length; i++) hash = (hash ^ line[i]) * 0x100000001B3ull;
  totals->lines++;
  totals->bytes += length;
  totals->hash += hash;
}

static int compare(const Node *a, const Node *b) {
  unsigned shorter = a->length < b->length ? a->length : b->length;
  int order = memcmp(a->line, b->line, shorter);
  if (order != 0) return order;
  return (a->length > b->length) - (a->length < b->length);
}

/* Goes down to where the new node's priority puts it, then cuts what hangs there into what is less and what is not. */
static void insert(Node *node) {
  Node **place = &root;
  while (*place != NULL && (*place)->priority >= node->priority)
    place = compare(node, *place) < 0 ? &(*place)->left : &(*place)->right;

  Node *rest = *place;
  Node **less = &node->left, **more = &node->right;
  while (rest != NULL) {
    if (compare(node, rest) < 0) {
      *more = rest;
      more = &rest->left;
      rest = *more;
    } else {
      *less = rest;
      less = &rest->right;
      rest = *less;
    }
  }
  *less = *more = NULL;
  *place = node;
}

static void add_line(const unsigned char *line, unsigned length) {
  if (length > 0 && line[length - 1] == '\r') length--;
  unsigned char *copy = HeapAlloc(data_heap, 0, length + 1);
  Node *node = HeapAlloc(node_heap, HEAP_ZERO_MEMORY, sizeof *node);
  memcpy(copy, line, length);
  copy[length] = 0;
  node->line = copy;
  node->length = length;
  node->priority = next_priority();
  add_to(&input, copy, length);
  insert(node);
}

/* Reads block by block; the part of a line at a block's end moves to the front of the buffer, which grows if it must. */
static int read_lines(HANDLE file) {
  unsigned size = 2 * BLOCK_BYTES, kept = 0;
  unsigned char *buffer = HeapAlloc(data_heap, 0, size);
  DWORD got;

  for (;;) {
    if (!ReadFile(file, buffer + kept, BLOCK_BYTES, &got, NULL)) return 0;
    if (got == 0) break;
    unsigned end = kept + got, start = 0;
    for (unsigned i = kept; i < end; i++) {
      if (buffer[i] != '\n') continue;
      add_line(buffer + start, i - start);
      start = i + 1;
    }
    kept = end - start;
    memmove(buffer, buffer + start, kept);
    if (size - kept < BLOCK_BYTES) {
      size *= 2;
      buffer = HeapReAlloc(data_heap, 0, buffer, size);
    }
  }
  if (kept > 0) add_line(buffer, kept);
  HeapFree(data_heap, 0, buffer);
  return 1;
}

static void scan(const Node *node, Walk *walk, unsigned depth) {
  if (node == NULL) return;
  if (depth > walk->height) walk->height = depth;
  scan(node->left, walk, depth + 1);
  if (walk->last != NULL && compare(walk->last, node) > 0) walk->unordered++;
  walk->last = node;
  add_to(&walk->totals, node->line, node->length);
  if (!walk->quiet) {
    fwrite(node->line, 1, node->length, stdout);
    fputc('\n', stdout);
  }
  scan(node->right, walk, depth + 1);
}

static int check(const Walk *walk) {
  if (walk->unordered == 0 && walk->totals.lines == input.lines && walk->totals.bytes == input.bytes &&
      walk->totals.hash == input.hash)
    return 1;
  fprintf(stderr, "sort: %u lines out of order; %u of %u lines came back\n", walk->unordered, walk->totals.lines,
          input.lines);
  return 0;
}

int main(int argc, char **argv) {
  Walk walk = {0};
  if (argc > 1 && strcmp(argv[1], "-n") == 0) {
    walk.quiet = 1;
    argc--;
    argv++;
  }
  if (argc != 2) {
    fprintf(stderr, "usage: sort [-n] file\n");
    return 1;
  }
  HANDLE file = CreateFileA(argv[1], GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
  if (file == INVALID_HANDLE_VALUE) {
    fprintf(stderr, "sort: cannot open %s: error %lu\n", argv[1], GetLastError());
    return 2;
  }
  node_heap = HeapCreate(HEAP_FLAGS, NODE_HEAP_BYTES, 0);
  data_heap = HeapCreate(HEAP_FLAGS, DATA_HEAP_BYTES, 0);
  if (node_heap == NULL || data_heap == NULL || !read_lines(file)) {
    fprintf(stderr, "sort: error %lu\n", GetLastError());
    return 2;
  }
  CloseHandle(file);

  scan(root, &walk, 1);
  int good = check(&walk) && HeapValidate(node_heap, 0, NULL) && HeapValidate(data_heap, 0, NULL);
  if (walk.quiet)
    printf("%u lines, %llu bytes, hash %016llX, tree of height %u\n", walk.totals.lines, walk.totals.bytes,
           walk.totals.hash, walk.height);
  if (!HeapDestroy(node_heap) || !HeapDestroy(data_heap)) good = 0;
  if (walk.quiet) printf(good ? "in order, nothing lost, both heaps valid and destroyed\n" : "FAILED\n");
  return good ? 0 : 3;
}
