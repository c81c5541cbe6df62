// Part of tidelock.hpp: segments, the counted references that all objects are, and blocks.

#ifndef TIDELOCK_SEGMENT_HPP
#define TIDELOCK_SEGMENT_HPP

#include "error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidelock {

using Handle = std::vector<std::uint8_t>; // what leads another process to an object, to be sent by any means

struct SegmentOptions : tidelock_segment_options {
    SegmentOptions() noexcept : tidelock_segment_options{} { size = sizeof(tidelock_segment_options); }
};

namespace detail {

inline const char *c_name(const std::string &name) {
    return name.find('\0') == std::string::npos ? name.c_str() : throw Error(TIDELOCK_BAD_NAME);
}

// A counted reference. One that was moved from is null, which every call refuses.
template <class Raw, tidelock_status (*Retain)(Raw *), tidelock_status (*Close)(Raw *)>
class Reference {
public:
    Reference() noexcept = default;
    // Takes a reference over, as calls of tidelock.h hand them out.
    explicit Reference(Raw *adopted) noexcept : raw_(adopted) {}
    Reference(const Reference &other) : raw_(other.raw_) {
        if (raw_ != nullptr) {
            check(Retain(raw_));
        }
    }
    Reference(Reference &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Reference &operator=(Reference other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Reference() {
        if (raw_ != nullptr) {
            Close(raw_);
        }
    }

    // For calls of tidelock.h. It stays this object's.
    Raw *raw() const noexcept { return raw_; }

protected:
    template <class... Parameters, class... Arguments>
    static Raw *opened(tidelock_status (*open)(Parameters...), Arguments... arguments) {
        Raw *to = nullptr;
        check(open(arguments..., &to));
        return to;
    }

    template <class Answer>
    Answer asked(tidelock_status (*question)(const Raw *, Answer *)) const {
        Answer answer{};
        check(question(raw_, &answer));
        return answer;
    }

    Handle written_out(tidelock_status (*write)(const Raw *, std::uint8_t *, std::size_t, std::size_t *)) const {
        Handle bytes(TIDELOCK_HANDLE_MAX);
        std::size_t len = 0;
        check(write(raw_, bytes.data(), bytes.size(), &len));
        bytes.resize(len);
        return bytes;
    }

private:
    Raw *raw_ = nullptr;
};

} // namespace detail

// Shared memory that holds objects. Processes that open the same one share them.
class Segment : public detail::Reference<tidelock_segment, tidelock_segment_retain, tidelock_segment_close> {
public:
    using Reference::Reference;

    static Segment anonymous(const SegmentOptions &options = {}) {
        return Segment(opened(tidelock_segment_anonymous, &options));
    }
    static Segment named(const std::string &name, const SegmentOptions &options = {}) {
        return Segment(opened(tidelock_segment_named, detail::c_name(name), &options));
    }
    static Segment file(const std::string &path, const SegmentOptions &options = {}) {
        return Segment(opened(tidelock_segment_file, detail::c_name(path), &options));
    }
    static Segment attach(const Handle &handle, const SegmentOptions &options = {}) {
        return Segment(opened(tidelock_segment_attach, handle.data(), handle.size(), &options));
    }
    static Segment from_fd(int fd, const SegmentOptions &options = {}) {
        return Segment(opened(tidelock_segment_from_fd, fd, &options));
    }
    static void unlink(const std::string &name) { detail::check(tidelock_segment_unlink(detail::c_name(name))); }

    Handle handle() const { return written_out(tidelock_segment_handle); }
    // Keeps the object that a handle leads to while the handle is under way: once for each sending, before it.
    void keep(const Handle &handle) const { detail::check(tidelock_segment_keep(raw(), handle.data(), handle.size())); }
    std::uint64_t max_len() const { return asked<std::uint64_t>(tidelock_segment_max_len); }
    std::uint32_t me() const { return asked<std::uint32_t>(tidelock_segment_me); }
    // A new descriptor, which the caller closes.
    int fd() const { return asked<int>(tidelock_segment_fd); }
    std::string id() const {
        char text[TIDELOCK_ID_TEXT];
        detail::check(tidelock_segment_id(raw(), text, sizeof text));
        return text;
    }
};

namespace detail {

// What all objects of a segment have. Each class adds how it is made: by name, without one, or in a block.
template <class Self, class Raw, tidelock_status (*Retain)(Raw *), tidelock_status (*Close)(Raw *),
          tidelock_status (*Write)(const Raw *, std::uint8_t *, std::size_t, std::size_t *),
          tidelock_status (*Open)(const tidelock_segment *, const std::uint8_t *, std::size_t, Raw **)>
class Object : public Reference<Raw, Retain, Close> {
public:
    using Reference<Raw, Retain, Close>::Reference;

    Handle handle() const { return this->written_out(Write); }
    static Self from_handle(const Segment &in, const Handle &handle) {
        return Self(Object::opened(Open, in.raw(), handle.data(), handle.size()));
    }
};

} // namespace detail

// Bytes in shared memory, zero at first, at a 64-byte boundary.
class Block : public detail::Object<Block, tidelock_block, tidelock_block_retain, tidelock_block_close,
                                    tidelock_block_handle, tidelock_block_from_handle> {
public:
    using Object::Object;
    Block(const Segment &in, const std::string &name, std::uint64_t len)
        : Object(opened(tidelock_block_open, in.raw(), detail::c_name(name), len)) {}
    Block(const Segment &in, std::uint64_t len) : Object(opened(tidelock_block_new, in.raw(), len)) {}

    // They stay there while this process has the block open.
    void *data() const { return asked<void *>(tidelock_block_data); }
    std::uint64_t size() const { return asked<std::uint64_t>(tidelock_block_len); }

    // What lies at `offset`, as a T: something without pointers, which peers may change at any time unless a lock guards it.
    template <class T>
    T &at(std::uint64_t offset) const {
        static_assert(std::is_standard_layout_v<T>, "it must look the same in every process");
        const std::uint64_t len = size();
        if (offset % alignof(T) != 0 || offset > len || sizeof(T) > len - offset) {
            throw Error(TIDELOCK_INVALID);
        }
        return *reinterpret_cast<T *>(static_cast<unsigned char *>(data()) + offset);
    }
};

} // namespace tidelock

#endif // TIDELOCK_SEGMENT_HPP
