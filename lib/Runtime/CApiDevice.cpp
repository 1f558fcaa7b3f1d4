//===- CApiDevice.cpp - The interface for embedding: devices, streams, their memory ---------===//
#include "CApi.h"
#include "Gpu/Driver.h"

#include <algorithm>
#include <cstdio>

using namespace dlrt;

dlrt_status dlrt::checkReady(dlrt_net *net) {
  if (!net)
    return DLRT_INVALID;
  if (!net->session)
    return report(net, DLRT_INVALID, "the net was not opened");
  return report(net, net->session->checkStream(), DLRT_INVALID);
}

dlrt_status dlrt::predictInPlace(dlrt_net *net, const FunctionInfo &predict, void *out) {
  const OutputInfo &output = predict.outputs[0];
  if (output.type != ElementType::F32)
    return report(net, DLRT_UNSUPPORTED,
                  std::string("the program's numbers are ") + elementName(output.type) +
                      ", and predictions in the device's memory are f32");
  constexpr int64_t kSize = sizeof(float);
  int64_t rows = net->rows.size();
  Session &session = *net->session;
  Status status =
      session.checkArray(out, output.elements(rows) * kSize, kSize, "the room for the values");
  if (!status.ok())
    return report(net, status, DLRT_INVALID);
  dlrt_frame &frame = session.getFrame();
  frame.step = frame.epoch = 0;
  for (int64_t first = 0; first < rows && status.ok(); first += predict.batch) {
    int64_t count = std::min(predict.batch, rows - first);
    frame.indices = net->rows.data() + first;
    frame.rows = frame.total_rows = count;
    status = session.run(*predict.single);
    if (status.ok())
      status = session.copyOut(output.offset, output.elements(count) * kSize,
                               static_cast<float *>(out) + output.elements(first));
  }
  return report(net, status, DLRT_DEVICE_FAILED);
}

extern "C" {

int64_t dlrt_device_count(char *reason, int64_t room) {
  std::vector<cuda::DeviceInfo> devices;
  Status status = cuda::listDevices(devices);
  if (status.ok() && devices.empty())
    status = Status::error("the driver sees no GPU", StatusCode::DeviceError);
  if (reason && room > 0)
    snprintf(reason, static_cast<size_t>(room), "%s", status.message().c_str());
  return status.ok() ? static_cast<int64_t>(devices.size()) : 0;
}

dlrt_status dlrt_device_info(int64_t index, dlrt_device *out_device) {
  if (!out_device || index < 0 || index >= dlrt_device_count(nullptr, 0))
    return DLRT_INVALID;
  cuda::DeviceInfo info;
  if (!cuda::findDevice(static_cast<int>(index), info).ok())
    return DLRT_DEVICE_FAILED;
  *out_device = {};
  snprintf(out_device->choice, sizeof(out_device->choice), "gpu:%d", static_cast<int>(index));
  snprintf(out_device->name, sizeof(out_device->name), "%s", info.name.c_str());
  out_device->memory_bytes = static_cast<int64_t>(info.bytes);
  out_device->multiprocessors = info.multiprocessors;
  out_device->capability_major = info.major;
  out_device->capability_minor = info.minor;
  out_device->driver_version = info.driverVersion;
  return DLRT_OK;
}

dlrt_status dlrt_net_tensor_address(dlrt_net *net, int64_t index, void **out_address) {
  if (!net || !out_address)
    return net ? report(net, DLRT_INVALID, "there is no room for the address") : DLRT_INVALID;
  if (!net->session || index < 0 || index >= dlrt_net_tensor_count(net))
    return report(net, DLRT_INVALID, "there is no tensor " + std::to_string(index));
  const TensorInfo &tensor = net->program->tensors[index];
  if (tensor.panel)
    return report(net, DLRT_UNSUPPORTED,
                  "'" + tensor.name +
                      "' is not row-major in memory: dlrt_net_tensor_read copies it");
  *out_address = net->session->address(tensor.offset);
  return report(net, DLRT_OK, "");
}

dlrt_status dlrt_net_set_stream(dlrt_net *net, void *stream) {
  if (dlrt_status status = checkReady(net))
    return status;
  return report(net, net->session->setStream(stream),
                net->program->isForDevice() ? DLRT_INVALID : DLRT_UNSUPPORTED);
}

dlrt_status dlrt_net_set_memory(dlrt_net *net, dlrt_memory memory) {
  if (!net || !net->session || (memory != DLRT_HOST && memory != DLRT_DEVICE))
    return net ? report(net, DLRT_INVALID, "there is no such memory, or no open net")
               : DLRT_INVALID;
  net->memory = memory;
  return report(net, DLRT_OK, "");
}

dlrt_status dlrt_net_synchronize(dlrt_net *net) {
  if (dlrt_status status = checkReady(net))
    return status;
  return report(net, net->session->synchronize(), DLRT_DEVICE_FAILED);
}

} // extern "C"
