/** Grey values are integers on the GPU too; windowing is done there, at full depth. */

export const VERTEX = `#version 300 es
uniform vec4 u_rect;   // left, top, right, bottom on the target, clip coordinates
uniform vec2 u_size;   // of the tile, its pixels
uniform vec4 u_part;   // of the film, 0 to 1: left, top, right, bottom
out vec2 v_pixel;
out vec2 v_part;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4(mix(u_rect.xy, u_rect.zw, corner), 0.0, 1.0);
  v_pixel = corner * u_size;
  v_part = mix(u_part.xy, u_part.zw, corner);
}`;

export const FRAGMENT = `#version 300 es
precision highp float;
precision highp usampler2D;
precision highp sampler2D;
uniform usampler2D u_tile;
uniform sampler2D u_around;  // mean and SD of the surroundings
uniform vec2 u_window;
uniform float u_gamma;
uniform float u_local;
uniform vec2 u_whole;        // mean and SD of the film
uniform bool u_invert;
uniform bool u_smooth;
in vec2 v_pixel;
in vec2 v_part;
out vec4 colour;

float grey(ivec2 at) { return float(texelFetch(u_tile, at, 0).r); }

// The texture has a border of one pixel, the neighbours'. Integer textures are not interpolated by the GPU.
float tile(vec2 pixel) {
  if (!u_smooth) return grey(ivec2(floor(pixel)) + 1);
  vec2 at = pixel + 0.5;
  ivec2 corner = ivec2(floor(at));
  vec2 share = fract(at);
  float above = mix(grey(corner), grey(corner + ivec2(1, 0)), share.x);
  float below = mix(grey(corner + ivec2(0, 1)), grey(corner + ivec2(1, 1)), share.x);
  return mix(above, below, share.y);
}

vec2 around(vec2 part) {
  ivec2 last = textureSize(u_around, 0) - 1;
  vec2 at = part * vec2(last + 1) - 0.5;
  ivec2 corner = ivec2(floor(at));
  vec2 share = fract(at);
  ivec2 low = clamp(corner, ivec2(0), last), high = clamp(corner + 1, ivec2(0), last);
  vec2 above = mix(texelFetch(u_around, low, 0).rg, texelFetch(u_around, ivec2(high.x, low.y), 0).rg, share.x);
  vec2 below = mix(texelFetch(u_around, ivec2(low.x, high.y), 0).rg, texelFetch(u_around, high, 0).rg, share.x);
  return mix(above, below, share.y);
}

void main() {
  float value = tile(v_pixel);
  if (u_local > 0.0) {
    vec2 near = around(v_part);
    float even = u_whole.x + (value - near.x) * u_whole.y / max(near.y, 0.4 * u_whole.y + 1e-6);
    value = mix(value, even, u_local);
  }
  float share = clamp((value - u_window.x) / (u_window.y - u_window.x), 0.0, 1.0);
  if (u_gamma != 1.0) share = pow(share, 1.0 / u_gamma);
  if (u_invert) share = 1.0 - share;
  colour = vec4(vec3(share), 1.0);
}`;
